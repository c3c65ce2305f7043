"""`scripts/inventory_ec2.py`: the running boxes, as Ansible asks for them."""

import argparse

from diarize_runner.cli.output import Result
from diarize_runner.cli.parser import Parser
from diarize_runner.fleet.aws import Aws
from diarize_runner.fleet.boxes import find_boxes
from diarize_runner.fleet.inventory import as_listed, host_variables
from diarize_runner.progress import Progress

FLEET_VARIABLE = "DIARIZE_RUNNER_FLEET"


def build_parser(fleet: str | None) -> argparse.ArgumentParser:
    """Return the parser of Ansible's protocol for `fleet`, or for all; see `as_listed`."""
    described = f"Ansible inventory of the running boxes: of the fleet that {FLEET_VARIABLE} names, else of all."
    parser = Parser(prog="inventory_ec2.py", description=described)
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--list", action="store_true", help="every box, with its variables")
    asked.add_argument("--host", metavar="ID", help="the variables of one box")
    parser.set_defaults(run=run, fleet=fleet)
    return parser


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """List."""
    boxes = find_boxes(Aws.of(profile=None, region=None), arguments.fleet, ["running"])
    if arguments.list:
        return Result(document=as_listed(boxes), text="")
    variables = {box.id: host_variables(box) for box in boxes}
    return Result(document=variables.get(arguments.host, {}), text="")
