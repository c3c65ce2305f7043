"""`diarize-runner cache sbom`: print the models and packages of a version."""

import argparse
import json
from pathlib import Path

from diarize_runner.cli.output import Result
from diarize_runner.progress import Progress


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `cache sbom`."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder that cache build wrote")


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Print the bill of materials."""
    from diarize_runner.cache.builder.sbom import to_cyclonedx

    bill = to_cyclonedx(arguments.folder).decode()
    document = json.loads(bill)
    return Result(document=document, text=f"{len(document['components'])} components", data=bill)
