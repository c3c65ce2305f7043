"""The operator's scripts: scripts/launch_box.py and scripts/inventory_ec2.py.

They are no commands of `diarize-runner`, which boxes have too: a box launches nothing.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from diarize_runner.cli import run_command
from diarize_runner.cli.fleet import host_keys, inventory, launch, terminate
from diarize_runner.cli.parser import Parser


def launch_box(argv: Sequence[str] | None = None) -> int:
    """Run scripts/launch_box.py and return its exit code."""
    return run_command(build_parser(), sys.argv[1:] if argv is None else argv)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of scripts/launch_box.py."""
    parser = Parser(prog="launch_box.py", description="Launch and terminate diarization boxes on EC2.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    launch.add_parser(commands)
    host_keys.add_parser(commands)
    terminate.add_parser(commands)
    return parser


def inventory_ec2(argv: Sequence[str] | None = None) -> int:
    """Run scripts/inventory_ec2.py and return its exit code."""
    words = sys.argv[1:] if argv is None else argv
    parser = inventory.build_parser(os.environ.get(inventory.FLEET_VARIABLE))
    return run_command(parser, ["--json", *words])
