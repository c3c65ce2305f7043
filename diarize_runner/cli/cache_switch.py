"""`diarize-runner cache switch`: switch back to a version that this machine has still."""

import argparse
from pathlib import Path

from diarize_runner.cache.box.folder import BoxFolder
from diarize_runner.cache.box.switch import switch
from diarize_runner.cli.options import Commands, add_command, manifest_digest
from diarize_runner.cli.output import Result
from diarize_runner.progress import Progress


def add_parser(commands: Commands) -> None:
    """Add the command."""
    description = "use a version that this machine has still, the one before unless named, without the store"
    parser = add_command(commands, "switch", run, description)
    parser.add_argument("--into", type=Path, required=True, metavar="DIR", help="the box's cache folder")
    described = "its manifest's, sha256:..., as cache list --json and cache restore --json say it"
    parser.add_argument("--to", metavar="DIGEST", help=described)


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Switch, and say what is in use now."""
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
