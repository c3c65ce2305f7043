"""`diarize-runner cache switch`: make another version on this machine current."""

import argparse
from pathlib import Path

from diarize_runner.cache.box.folder import BoxFolder
from diarize_runner.cache.box.switch import switch
from diarize_runner.cli.options import manifest_digest
from diarize_runner.cli.output import Result
from diarize_runner.progress import Progress


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `cache switch`."""
    parser.add_argument("--into", type=Path, required=True, metavar="DIR", help="the cache folder of this machine")
    described = "manifest digest of the version, from cache list --json (default: the previous version)"
    parser.add_argument("--to", metavar="DIGEST", help=described)


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Switch to the version."""
    box = BoxFolder(root=arguments.into)
    switched = switch(box, manifest_digest("--to", arguments.to) if arguments.to else None, progress)
    manifest = switched.cache.manifest
    document = {
        "changed": switched.changed,
        "name": manifest.name,
        "version": manifest.version,
        "manifest": str(manifest.digest),
        "cache": str(box.current),
    }
    state = "is in use now" if switched.changed else "is in use, unchanged"
    return Result(document=document, text=f"{box.root}: {manifest.name} {manifest.version} {state}")
