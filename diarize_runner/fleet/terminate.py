"""Terminate boxes."""

from collections.abc import Iterable

from diarize_runner.fleet.aws import Aws
from diarize_runner.fleet.boxes import Box


def terminate(aws: Aws, boxes: Iterable[Box]) -> None:
    """Terminate boxes with their root volumes and network interfaces; raise FleetError when EC2 refuses."""
    aws.call("ec2", "terminate_instances", InstanceIds=[box.id for box in boxes])
