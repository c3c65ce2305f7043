"""`scripts/inventory_ec2.py`: a dynamic Ansible inventory of the running boxes."""

import argparse

from diarize_runner.cli.options import add_common_options
from diarize_runner.cli.output import Result
from diarize_runner.cli.parser import Parser
from diarize_runner.fleet.aws import Aws
from diarize_runner.fleet.boxes import find_boxes
from diarize_runner.fleet.inventory import as_list_output, host_variables
from diarize_runner.progress import Progress

FLEET_VARIABLE = "DIARIZE_RUNNER_FLEET"


def build_parser(fleet: str | None) -> argparse.ArgumentParser:
    """Return the parser of an inventory script, for `fleet` or for all boxes; see `as_list_output`."""
    description = f"Print an Ansible inventory of the running boxes of ${FLEET_VARIABLE}, or of all fleets."
    parser = Parser(prog="inventory_ec2.py", description=description)
    add_common_options(parser)
    actions = parser.add_mutually_exclusive_group(required=True)
    actions.add_argument("--list", action="store_true", help="print every box with its variables")
    actions.add_argument("--host", metavar="ID", help="print the variables of one box")
    parser.set_defaults(run=run, fleet=fleet)
    return parser


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Print the inventory, or the variables of one box."""
    boxes = find_boxes(Aws.of(profile=None, region=None), arguments.fleet, ["running"])
    if arguments.list:
        return Result(document=as_list_output(boxes), text="")
    variables = {box.id: host_variables(box) for box in boxes}
    return Result(document=variables.get(arguments.host, {}), text="")
