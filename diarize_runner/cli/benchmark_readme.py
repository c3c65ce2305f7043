"""`diarize-runner benchmark readme`: regenerate the tables of a document from its reports."""

import argparse
from pathlib import Path

from diarize_runner.benchmark.formats.readme import refresh_tables
from diarize_runner.cli.output import Result
from diarize_runner.disk import disk_errors, write_atomically
from diarize_runner.progress import Progress


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `benchmark readme`."""
    parser.add_argument("document", type=Path, metavar="README.md", help="report paths are relative to its folder")


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Regenerate the tables; write the document if one changes."""
    path = arguments.document
    with disk_errors(path):
        before = path.read_text(encoding="utf-8")
    after = refresh_tables(before, path.parent)
    if after != before:
        with disk_errors(path):
            write_atomically(path, after.encode())
    changed = after != before
    text = f"{path}: {'tables updated' if changed else 'unchanged'}"
    return Result(document={"changed": changed, "document": str(path)}, text=text)
