"""Boxes, as the tag finds them that every one of ours carries."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from diarize_runner.fleet.aws import Answer, Aws

FLEET_TAG = "diarize-runner"
"""Its value is the fleet's name."""
REACH_TAG = "diarize-runner-reach"
"""Its value is a Reach."""
FLEET_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"
"""None has `*` or `?`, which EC2 takes for wildcards, nor anything that Ansible takes for a template."""

Reach = Literal["address", "ssm"]
"""How ssh gets to a box: at its address, or through a session of the Systems Manager."""

STARTED = ("pending", "running")
"""The states of a box that is there to be used, or soon will be."""
THERE = (*STARTED, "stopping", "stopped")
"""The states of a box that is there at all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """An instance that carries our tag."""

    id: str
    fleet: str
    state: str
    state_reason: str
    """Why it is in that state, where EC2 says."""
    instance_type: str
    zone: str
    region: str
    private_address: str
    public_address: str
    """Empty where it has none."""
    key: str
    """The key pair it was launched with; empty where there was none."""
    reach: Reach


def find_boxes(aws: Aws, fleet: str | None, states: Iterable[str] | None = None) -> tuple[Box, ...]:
    """Return the boxes of a fleet, or of all, in one of `states` or in any, in the order of their ids."""
    by_tag = {f"tag:{FLEET_TAG}": [fleet]} if fleet else {"tag-key": [FLEET_TAG]}
    by_state = {"instance-state-name": list(states)} if states else {}
    found = _described(aws, by_tag | by_state)
    # Once more here: what is returned may be terminated next.
    return tuple(box for box in found if fleet is None or box.fleet == fleet)


def look_again(aws: Aws, boxes: Iterable[Box]) -> tuple[Box, ...]:
    """Return the same boxes as they are now; one that EC2 does not show yet is left out."""
    # A filter, since asking for an id that EC2 does not show yet is an error: it is consistent eventually.
    return _described(aws, {"instance-id": [box.id for box in boxes]})


def boxes_of(reservation: Answer, region: str) -> tuple[Box, ...]:
    """Return the boxes of what RunInstances answers, or of a part of what DescribeInstances answers."""
    return tuple(_box(instance, region) for instance in reservation["Instances"])


def _described(aws: Aws, filters: Mapping[str, list[str]]) -> tuple[Box, ...]:
    wanted = [{"Name": name, "Values": values} for name, values in filters.items()]
    answer = aws.ask("ec2", "describe_instances", Filters=wanted)
    found = [box for reservation in answer["Reservations"] for box in boxes_of(reservation, aws.region)]
    return tuple(sorted(found, key=lambda box: box.id))


def _box(instance: Answer, region: str) -> Box:
    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
    return Box(
        id=instance["InstanceId"],
        fleet=tags.get(FLEET_TAG, ""),
        state=instance["State"]["Name"],
        state_reason=instance.get("StateReason", {}).get("Message", ""),
        instance_type=instance["InstanceType"],
        zone=instance["Placement"]["AvailabilityZone"],
        region=region,
        private_address=instance.get("PrivateIpAddress", ""),
        public_address=instance.get("PublicIpAddress", ""),
        key=instance.get("KeyName", ""),
        reach="ssm" if tags.get(REACH_TAG) == "ssm" else "address",
    )
