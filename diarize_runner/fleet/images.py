"""Find the image to boot."""

from dataclasses import dataclass

from diarize_runner.errors import FleetError
from diarize_runner.fleet.aws import Aws

DEFAULT_PARAMETER = "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id"
"""AWS's parameter for its Deep Learning Base image: Ubuntu 24.04 with an NVIDIA driver.

AWS updates the image and its driver weekly; --plan prints the image, and --ami pins one.
https://docs.aws.amazon.com/dlami/latest/devguide/find-dlami-id.html
"""
_ARCHITECTURE = "x86_64"


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """An x86-64 AMI."""

    id: str
    name: str
    root_device: str
    min_gib: int
    """The size of its root snapshot in GiB, which is the smallest volume."""


def image_from_parameter(aws: Aws, parameter: str) -> Image:
    """Return the image that a Parameter Store parameter names; raise FleetError when there is none."""
    return find_image(aws, aws.call("ssm", "get_parameter", Name=parameter)["Parameter"]["Value"])


def find_image(aws: Aws, image_id: str) -> Image:
    """Return an image; raise FleetError when it does not exist, or is not for x86-64."""
    images = aws.call("ec2", "describe_images", ImageIds=[image_id])["Images"]
    if not images:
        hint = "check --ami: an image exists in one region only, and may have been withdrawn"
        raise FleetError(f"there is no image {image_id} in {aws.region}", hint=hint)
    (image,) = images
    if image["Architecture"] != _ARCHITECTURE:
        hint = "use an x86-64 image: the locks hold no other wheels"
        raise FleetError(f"{image_id} is for {image['Architecture']}", hint=hint)
    devices = {device["DeviceName"]: device.get("Ebs", {}) for device in image.get("BlockDeviceMappings", [])}
    root = image["RootDeviceName"]
    return Image(
        id=image_id, name=image.get("Name", ""), root_device=root, min_gib=devices.get(root, {}).get("VolumeSize", 1)
    )
