"""`diarize-runner cache sbom`: what a version is made of."""

import argparse
import json
from pathlib import Path

from diarize_runner.cli.options import Commands, add_command
from diarize_runner.cli.output import Result
from diarize_runner.progress import Progress


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "sbom", run, "print a version's CycloneDX bill of materials: models and packages")
    parser.add_argument("folder", type=Path, metavar="DIR", help="what cache build wrote")


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Print it."""
    from diarize_runner.cache.builder.sbom import to_cyclonedx

    bill = to_cyclonedx(arguments.folder).decode()
    document = json.loads(bill)
    return Result(document=document, text=f"{len(document['components'])} components", data=bill)
