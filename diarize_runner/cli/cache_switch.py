"""`diarize-runner cache switch`: make another version on this machine current."""

import argparse
from pathlib import Path

from diarize_runner.cache.box.folder import BoxFolder
from diarize_runner.cache.box.switch import find_version, switch
from diarize_runner.cache.documents.manifest import parse_version
from diarize_runner.cli.options import manifest_digest
from diarize_runner.cli.output import Result
from diarize_runner.digests import Digest
from diarize_runner.progress import Progress


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `cache switch`."""
    parser.add_argument("--into", type=Path, required=True, metavar="DIR", help="the cache folder of this machine")
    described = "version or manifest digest, as cache list and cache list --json print them (default: the previous one)"
    parser.add_argument("--to", metavar="VERSION", help=described)


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Switch to the version."""
    box = BoxFolder(root=arguments.into)
    switched = switch(box, _digest(box, arguments.to) if arguments.to else None, progress)
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


def _digest(box: BoxFolder, text: str) -> Digest:
    """Return the manifest digest that `text` is, or that the version `text` has on the disk."""
    return manifest_digest("--to", text) if ":" in text else find_version(box, parse_version(text))
