"""What boxes to launch."""

import re
from dataclasses import dataclass
from typing import Literal

from diarize_runner.errors import UsageError
from diarize_runner.fleet.boxes import FLEET_NAME, FLEET_TAG, REACH_TAG, Reach
from diarize_runner.fleet.images import Image

Market = Literal["on-demand", "spot"]
OnShutdown = Literal["terminate", "stop"]

LEAST_GIB = 60
"""The size of a root volume unless an order says another, or its image needs more."""
_MOST = 1000
"""Instances that one request may ask for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """A fleet of `count` boxes, all alike. Raises UsageError when it makes no sense."""

    fleet: str
    count: int
    instance_type: str
    market: Market
    image: Image
    subnet: str
    security_groups: tuple[str, ...]
    """The VPC's default group, where there are none."""
    public_address: bool
    instance_profile: str
    key: str | None
    """The key pair that ssh logs in with."""
    reach: Reach
    volume_gib: int
    on_shutdown: OnShutdown
    """What becomes of a box that is shut down from inside."""
    user_data: str

    def __post_init__(self) -> None:
        if not re.fullmatch(FLEET_NAME, self.fleet):
            raise UsageError(f"{self.fleet!r} is no name for a fleet", hint=f"a name is {FLEET_NAME}")
        if not 1 <= self.count <= _MOST:
            raise UsageError(f"a fleet of {self.count} cannot be launched", hint=f"--count is 1 to {_MOST}")
        if not self.key and self.reach != "ssm":
            raise UsageError("nobody could log in", hint="--key NAME, or --ssm, which needs no key pair, or both")
        if self.volume_gib < self.image.least_gib:
            hint = f"--volume-gib {self.image.least_gib} or more"
            raise UsageError(f"{self.image.id} does not fit into {self.volume_gib} GiB", hint=hint)
        if self.market == "spot" and self.on_shutdown == "stop":
            raise UsageError("a spot box cannot be stopped, only terminated", hint="leave out --spot or --on-shutdown")

    def request(self, count: int) -> dict[str, object]:
        """Return the parameters of RunInstances for `count` of the boxes: as many as there are, and one at least."""
        request: dict[str, object] = {
            "MinCount": 1,
            "MaxCount": count,
            "ImageId": self.image.id,
            "InstanceType": self.instance_type,
            "IamInstanceProfile": {"Name": self.instance_profile},
            # A hop limit of 1 keeps the role's credentials from what runs in a container or a network namespace.
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
        """Tag within the request itself, so that nothing is ever there without."""
        tags = {"Name": self.fleet, FLEET_TAG: self.fleet, REACH_TAG: self.reach}
        kinds = ["instance", "volume", "network-interface"]
        kinds += ["spot-instances-request"] if self.market == "spot" else []
        return [
            {"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
            for kind in kinds
        ]
