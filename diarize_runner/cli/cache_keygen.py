"""`diarize-runner cache keygen`: make a key pair to sign versions with."""

import argparse
from pathlib import Path

from diarize_runner.cache.published.signature import write_keys
from diarize_runner.cli.output import Result
from diarize_runner.progress import Progress


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `cache keygen`."""
    parser.add_argument("name", type=Path, metavar="NAME", help="path of both files, without .key and .pub")


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Write both keys."""
    private, public = (arguments.name.with_name(f"{arguments.name.name}.{kind}") for kind in ("key", "pub"))
    write_keys(private, public)
    document: dict[str, object] = {"private": str(private), "public": str(public)}
    return Result(
        document=document, text=(f"{private} signs: keep it on the build host", f"{public} verifies: give it to boxes")
    )
