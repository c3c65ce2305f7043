"""The specification of a fleet."""

import re
from dataclasses import dataclass
from typing import Literal

from diarize_runner.errors import UsageError
from diarize_runner.fleet.boxes import FLEET_NAME, FLEET_TAG, REACH_TAG, Reach
from diarize_runner.fleet.images import Image

Market = Literal["on-demand", "spot"]
OnShutdown = Literal["terminate", "stop"]

MIN_VOLUME_GIB = 60
"""The default size of a root volume; an image may need more."""
_MAX_COUNT = 1000
"""The limit of EC2 for one request."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetSpec:
    """A fleet of `count` equal boxes; raises UsageError when the fields are inconsistent."""

    fleet: str
    count: int
    instance_type: str
    market: Market
    image: Image
    subnet: str
    security_groups: tuple[str, ...]
    """Empty means the VPC's default group."""
    public_address: bool
    instance_profile: str
    key: str | None
    """The key pair for ssh."""
    reach: Reach
    volume_gib: int
    on_shutdown: OnShutdown
    """The action when the operating system shuts down."""
    user_data: str

    def __post_init__(self) -> None:
        if not re.fullmatch(FLEET_NAME, self.fleet):
            raise UsageError(f"{self.fleet!r} is not a fleet name", hint=f"use a name that matches {FLEET_NAME}")
        if not 1 <= self.count <= _MAX_COUNT:
            raise UsageError(f"--count {self.count} is out of range", hint=f"use 1 to {_MAX_COUNT}")
        if not self.key and self.reach != "ssm":
            raise UsageError("ssh could not log in to these boxes", hint="pass --key NAME, or --ssm, or both")
        if self.volume_gib < self.image.min_gib:
            hint = f"pass --volume-gib {self.image.min_gib} or more"
            raise UsageError(f"{self.image.id} does not fit into {self.volume_gib} GiB", hint=hint)
        if self.market == "spot" and self.on_shutdown == "stop":
            raise UsageError("a spot box cannot be stopped, only terminated", hint="drop --spot or --on-shutdown")

    def request(self, count: int) -> dict[str, object]:
        """Return the parameters of RunInstances for at most `count` boxes, and at least one."""
        request: dict[str, object] = {
            "MinCount": 1,
            "MaxCount": count,
            "ImageId": self.image.id,
            "InstanceType": self.instance_type,
            "IamInstanceProfile": {"Name": self.instance_profile},
            # A hop limit of 1 hides the role's credentials from containers and network namespaces.
            "MetadataOptions": {"HttpEndpoint": "enabled", "HttpTokens": "required", "HttpPutResponseHopLimit": 1},
            "NetworkInterfaces": [self._network_interface()],
            "BlockDeviceMappings": [{"DeviceName": self.image.root_device, "Ebs": self._root_volume()}],
            "InstanceInitiatedShutdownBehavior": self.on_shutdown,
            "TagSpecifications": self._tags(),
            "UserData": self.user_data,
        }
        if self.key:
            request["KeyName"] = self.key
        if self.market == "spot":
            request["InstanceMarketOptions"] = {"MarketType": "spot", "SpotOptions": {"SpotInstanceType": "one-time"}}
        return request

    def _network_interface(self) -> dict[str, object]:
        groups = {"Groups": list(self.security_groups)} if self.security_groups else {}
        return {
            "DeviceIndex": 0,
            "SubnetId": self.subnet,
            "AssociatePublicIpAddress": self.public_address,
            "DeleteOnTermination": True,
            **groups,
        }

    def _root_volume(self) -> dict[str, object]:
        return {"VolumeSize": self.volume_gib, "VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True}

    def _tags(self) -> list[dict[str, object]]:
        """Tag in the request itself, so that no resource exists untagged."""
        tags = {"Name": self.fleet, FLEET_TAG: self.fleet, REACH_TAG: self.reach}
        kinds = ["instance", "volume", "network-interface"]
        kinds += ["spot-instances-request"] if self.market == "spot" else []
        return [
            {"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
            for kind in kinds
        ]
