"""Find boxes by the tag that each of them carries."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from diarize_runner.fleet.aws import Aws, Response

FLEET_TAG = "diarize-runner"
"""Its value is the fleet's name."""
REACH_TAG = "diarize-runner-reach"
"""Its value is a Reach."""
FLEET_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"
"""Excludes `*` and `?`, which are wildcards in EC2 filters, and the characters of Ansible templates."""

Reach = Literal["address", "ssm"]
"""How ssh connects to a box: to its address, or through a Systems Manager session."""

ACTIVE_STATES = ("pending", "running")
EXISTING_STATES = (*ACTIVE_STATES, "stopping", "stopped")
"""All states but those of terminated boxes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """An instance that carries FLEET_TAG."""

    id: str
    fleet: str
    state: str
    state_reason: str
    """EC2's reason for the state; may be empty."""
    instance_type: str
    zone: str
    region: str
    private_address: str
    public_address: str
    """Empty when it has none."""
    key: str
    """The key pair it was launched with; may be empty."""
    reach: Reach


def find_boxes(aws: Aws, fleet: str | None, states: Iterable[str] | None = None) -> tuple[Box, ...]:
    """Return the boxes of one fleet or of all, in one of `states` or in any, sorted by id."""
    by_tag = {f"tag:{FLEET_TAG}": [fleet]} if fleet else {"tag-key": [FLEET_TAG]}
    by_state = {"instance-state-name": list(states)} if states else {}
    found = _describe(aws, by_tag | by_state)
    # Filtered again here, because the caller may terminate what is returned.
    return tuple(box for box in found if fleet is None or box.fleet == fleet)


def refresh_boxes(aws: Aws, boxes: Iterable[Box]) -> tuple[Box, ...]:
    """Return the current state of the boxes, without those that EC2 does not show yet."""
    # EC2 is eventually consistent: a filter skips ids that it does not show yet, `InstanceIds` would fail on them.
    return _describe(aws, {"instance-id": [box.id for box in boxes]})


def boxes_of(reservation: Response, region: str) -> tuple[Box, ...]:
    """Return the boxes of a RunInstances response, or of one reservation of a DescribeInstances response."""
    return tuple(_box(instance, region) for instance in reservation["Instances"])


def _describe(aws: Aws, filters: Mapping[str, list[str]]) -> tuple[Box, ...]:
    parameter = [{"Name": name, "Values": values} for name, values in filters.items()]
    response = aws.call("ec2", "describe_instances", Filters=parameter)
    found = [box for reservation in response["Reservations"] for box in boxes_of(reservation, aws.region)]
    return tuple(sorted(found, key=lambda box: box.id))


def _box(instance: Response, region: str) -> Box:
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
