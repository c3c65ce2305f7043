"""`diarize-runner benchmark readme`: the tables of a document, made anew from the reports they come from."""

import argparse
from pathlib import Path

from diarize_runner.benchmark.formats.readme import refreshed
from diarize_runner.cli.options import Commands, add_command
from diarize_runner.cli.output import Result
from diarize_runner.disk import disk_errors, write_atomically
from diarize_runner.progress import Progress


def add_parser(commands: Commands) -> None:
    """Add the command."""
    described = "make tables anew that stand between <!-- benchmark REPORT.json --> and <!-- end of benchmark -->"
    parser = add_command(commands, "readme", run, described)
    parser.add_argument("document", type=Path, metavar="README.md", help="paths of reports are from its folder")


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Read, write if anything changed."""
    path = arguments.document
    with disk_errors(path):
        before = path.read_text(encoding="utf-8")
    after = refreshed(before, path.parent)
    if after != before:
        with disk_errors(path):
            write_atomically(path, after.encode())
    changed = after != before
    text = f"{path}: {'tables made anew' if changed else 'unchanged'}"
    return Result(document={"changed": changed, "document": str(path)}, text=text)
