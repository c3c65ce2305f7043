"""`scripts/launch_box.py host-keys`: the known_hosts lines of a fleet."""

import argparse

from diarize_runner.cli.fleet.options import add_fleet_options
from diarize_runner.cli.output import Result
from diarize_runner.errors import FleetError
from diarize_runner.fleet.aws import Aws
from diarize_runner.fleet.boxes import find_boxes
from diarize_runner.fleet.host_keys import known_hosts
from diarize_runner.fleet.poll_policy import PollPolicy
from diarize_runner.progress import Progress


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `host-keys`."""
    add_fleet_options(parser)


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Print the host keys of the running boxes."""
    aws = Aws.of(profile=arguments.profile, region=arguments.region)
    boxes = find_boxes(aws, arguments.name, ["running"])
    if not boxes:
        raise FleetError(f"{arguments.name} in {aws.region} has no running box", hint="run: launch_box.py launch")
    lines = known_hosts(aws, boxes, PollPolicy(), progress)
    document = {"fleet": arguments.name, "boxes": [box.id for box in boxes], "known_hosts": lines}
    return Result(document=document, text=f"{arguments.name}: boxes with host keys: {len(boxes)}", data=lines)
