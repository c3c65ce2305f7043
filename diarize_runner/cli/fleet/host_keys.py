"""`scripts/launch_box.py host-keys`: what ssh needs, to know the boxes of a fleet."""

import argparse

from diarize_runner.cli.fleet.options import add_fleet_options
from diarize_runner.cli.options import Commands, add_command
from diarize_runner.cli.output import Result
from diarize_runner.errors import FleetError
from diarize_runner.fleet.aws import Aws
from diarize_runner.fleet.boxes import find_boxes
from diarize_runner.fleet.host_keys import known_hosts
from diarize_runner.fleet.pace import Pace
from diarize_runner.progress import Progress


def add_parser(commands: Commands) -> None:
    """Add the command."""
    described = "wait until the boxes of a fleet show their host keys on their consoles; print them as known_hosts"
    add_fleet_options(add_command(commands, "host-keys", run, described))


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Read them from the consoles of the boxes that run."""
    aws = Aws.of(profile=arguments.profile, region=arguments.region)
    boxes = find_boxes(aws, arguments.name, ["running"])
    if not boxes:
        raise FleetError(f"{arguments.name} in {aws.region} has no running box", hint="launch_box.py launch")
    lines = known_hosts(aws, boxes, Pace(), progress)
    document = {"fleet": arguments.name, "boxes": [box.id for box in boxes], "known_hosts": lines}
    return Result(
        document=document, text=f"{arguments.name}: boxes whose host keys are known: {len(boxes)}", data=lines
    )
