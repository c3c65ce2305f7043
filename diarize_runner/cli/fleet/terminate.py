"""`scripts/launch_box.py terminate`: terminate every box of a fleet."""

import argparse
import sys

from diarize_runner.cli.fleet.options import add_fleet_options
from diarize_runner.cli.output import Result, write_lines
from diarize_runner.errors import FleetError, UsageError
from diarize_runner.fleet.aws import Aws
from diarize_runner.fleet.boxes import EXISTING_STATES, Box, find_boxes
from diarize_runner.fleet.terminate import terminate
from diarize_runner.progress import Progress


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `terminate`."""
    add_fleet_options(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    parser.add_argument("--plan", action="store_true", help="list the boxes; terminate nothing")


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Terminate the boxes, or list them."""
    aws = Aws.of(profile=arguments.profile, region=arguments.region)
    boxes = find_boxes(aws, arguments.name, EXISTING_STATES)
    where = f"{arguments.name} in {aws.region}"
    if not boxes:
        return Result(document=_document(arguments.name, boxes), text=f"{where}: no boxes to terminate")
    write_lines(*map(_line, boxes))
    if arguments.plan:
        return Result(document=_document(arguments.name, boxes), text=f"{where}: boxes to terminate: {len(boxes)}")
    if not arguments.yes:
        _confirm(where)
    terminate(aws, boxes)
    return Result(document=_document(arguments.name, boxes), text=f"{where}: boxes terminated: {len(boxes)}")


def _confirm(where: str) -> None:
    if not sys.stdin.isatty():
        hint = "pass --yes to terminate the boxes, or --plan to list them"
        raise UsageError("no terminal to confirm on", hint=hint)
    # The question ends its line, since progress bars overwrite an unfinished one.
    write_lines(f"{where}: terminate these boxes and their disks? Answer yes or no.")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("yes", "y"):
        raise FleetError("nothing was terminated", hint="answer yes, or pass --yes")


def _line(box: Box) -> str:
    return "  ".join((box.id, box.state, box.instance_type, box.zone, box.public_address or box.private_address))


def _document(fleet: str, boxes: tuple[Box, ...]) -> dict[str, object]:
    return {"changed": bool(boxes), "fleet": fleet, "boxes": [box.id for box in boxes]}
