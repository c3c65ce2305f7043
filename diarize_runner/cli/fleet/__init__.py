"""The operator's scripts: scripts/launch_box.py and scripts/inventory_ec2.py.

They are not commands of `diarize-runner`, because boxes have that, too, and never launch other boxes.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from diarize_runner.cli import add_command, add_options, run_command
from diarize_runner.cli.commands import Command
from diarize_runner.cli.fleet import host_keys, inventory, launch, terminate
from diarize_runner.cli.parser import Parser

_FLEET = "--name calls --region eu-central-1"
_COMMANDS = {
    "launch": Command(
        summary="launch the boxes that a fleet lacks; print their Ansible inventory",
        example=f"launch {_FLEET} --count 2 --subnet subnet-0abc --instance-profile diarize-box "
        "--store s3://bucket/models --plan",
    ),
    "host-keys": Command(
        summary="wait until the boxes print their ssh host keys to their consoles; print them as known_hosts",
        example=f"host-keys {_FLEET} >> ~/.ssh/known_hosts",
    ),
    "terminate": Command(summary="terminate every box of a fleet", example=f"terminate {_FLEET} --plan"),
}


def launch_box(argv: Sequence[str] | None = None) -> int:
    """Run scripts/launch_box.py and return its exit code."""
    return run_command(build_parser(), sys.argv[1:] if argv is None else argv)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of scripts/launch_box.py."""
    parser = Parser(prog="launch_box.py", description="Launch and terminate diarization boxes on EC2.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for (name, command), module in zip(_COMMANDS.items(), (launch, host_keys, terminate), strict=True):
        add_options(add_command(commands, name, command), module)
    return parser


def inventory_ec2(argv: Sequence[str] | None = None) -> int:
    """Run scripts/inventory_ec2.py and return its exit code."""
    words = sys.argv[1:] if argv is None else argv
    parser = inventory.build_parser(os.environ.get(inventory.FLEET_VARIABLE))
    return run_command(parser, ["--json", *words])
