"""The image that boxes boot."""

from dataclasses import dataclass

from diarize_runner.errors import FleetError
from diarize_runner.fleet.aws import Aws

DEFAULT_PARAMETER = "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id"
"""AWS's own parameter for its Deep Learning Base image: Ubuntu 24.04 with an NVIDIA driver.

https://docs.aws.amazon.com/dlami/latest/devguide/find-dlami-id.html says how these names are made. What it names
changes from week to week, its driver branch too: a plan shows the image, and --ami pins one.
"""
_ARCHITECTURE = "x86_64"


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """An AMI that our lock can run on."""

    id: str
    name: str
    root_device: str
    least_gib: int
    """The size of its root snapshot in GiB: no volume can be smaller."""


def image_named_by(aws: Aws, parameter: str) -> Image:
    """Return the image that a parameter of the Parameter Store names; raise FleetError when it names none."""
    return find_image(aws, aws.ask("ssm", "get_parameter", Name=parameter)["Parameter"]["Value"])


def find_image(aws: Aws, image_id: str) -> Image:
    """Return an image; raise FleetError when it is not there, or not for x86-64."""
    images = aws.ask("ec2", "describe_images", ImageIds=[image_id])["Images"]
    if not images:
        hint = "an --ami is of one region, and may have been withdrawn"
        raise FleetError(f"there is no image {image_id} in {aws.region}", hint=hint)
    (image,) = images
    if image["Architecture"] != _ARCHITECTURE:
        hint = "the locks hold wheels for x86-64, which a g4dn is"
        raise FleetError(f"{image_id} is for {image['Architecture']}", hint=hint)
    devices = {device["DeviceName"]: device.get("Ebs", {}) for device in image.get("BlockDeviceMappings", [])}
    root = image["RootDeviceName"]
    return Image(
        id=image_id, name=image.get("Name", ""), root_device=root, least_gib=devices.get(root, {}).get("VolumeSize", 1)
    )
