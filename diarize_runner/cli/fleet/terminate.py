"""`scripts/launch_box.py terminate`: take a fleet down."""

import argparse
import sys

from diarize_runner.cli.fleet.options import add_fleet_options
from diarize_runner.cli.options import Commands, add_command
from diarize_runner.cli.output import Result, write_lines
from diarize_runner.errors import FleetError, UsageError
from diarize_runner.fleet.aws import Aws
from diarize_runner.fleet.boxes import THERE, Box, find_boxes
from diarize_runner.fleet.terminate import terminate
from diarize_runner.progress import Progress


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "terminate", run, "terminate every box of a fleet, and nothing that is not tagged so"
    )
    add_fleet_options(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--plan", action="store_true", help="list them, and terminate nothing")


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Terminate, or list."""
    aws = Aws.of(profile=arguments.profile, region=arguments.region)
    boxes = find_boxes(aws, arguments.name, THERE)
    where = f"{arguments.name} in {aws.region}"
    if not boxes:
        return Result(document=_document(arguments.name, boxes), text=f"{where}: there is no box, nothing to terminate")
    write_lines(*map(_line, boxes))
    if arguments.plan:
        return Result(
            document=_document(arguments.name, boxes), text=f"{where}: boxes that would be terminated: {len(boxes)}"
        )
    if not arguments.yes:
        _ask(where)
    terminate(aws, boxes)
    return Result(document=_document(arguments.name, boxes), text=f"{where}: boxes terminated: {len(boxes)}")


def _ask(where: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError("there is nobody to ask", hint="--yes to terminate them, --plan to look at them")
    # A line of its own: a question that stands before its answer would be drawn over by the progress bars.
    write_lines(f"{where}: terminate these, with their disks? Answer yes or no.")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("yes", "y"):
        raise FleetError("nothing was terminated", hint="answer yes, or give --yes")


def _line(box: Box) -> str:
    return "  ".join((box.id, box.state, box.instance_type, box.zone, box.public_address or box.private_address))


def _document(fleet: str, boxes: tuple[Box, ...]) -> dict[str, object]:
    return {"changed": bool(boxes), "fleet": fleet, "boxes": [box.id for box in boxes]}
