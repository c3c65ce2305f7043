"""`diarize-runner cache wheels`: bring the wheels of a version onto this machine."""

import argparse
from dataclasses import replace
from pathlib import Path

from diarize_runner.cache.box.follower import Follower
from diarize_runner.cache.builder.pythons import PYTHONS, own_python
from diarize_runner.cache.documents.manifest import INSTALLER_NAME, REQUIREMENTS_NAME
from diarize_runner.cache.published.find import LATEST, Wanted
from diarize_runner.cli.options import Commands, add_command, add_rate_option
from diarize_runner.cli.output import Result, megabytes
from diarize_runner.progress import Progress
from diarize_runner.store.address import ADDRESSES, open_store


def add_parser(commands: Commands) -> None:
    """Add the command."""
    description = "fetch the wheels of a version, verified, into a folder for pip and uv: --no-index --find-links DIR"
    parser = add_command(commands, "wheels", run, description)
    parser.add_argument("--store", required=True, metavar="STORE", help=ADDRESSES)
    parser.add_argument("--version", default=LATEST, help=f"default: {LATEST}")
    parser.add_argument("--into", type=Path, required=True, metavar="DIR", help="a folder for wheels")
    parser.add_argument("--python", choices=PYTHONS, help="to install on (default: the Python that runs this)")
    described = "only what is installed first: uv, and what reads stores"
    parser.add_argument("--installer-only", action="store_true", help=described)
    parser.add_argument("--public-key", type=Path, metavar="FILE", help="take nothing that this key did not sign")
    parser.add_argument("--allow-older", action="store_true", help="follow latest whatever its serial says")
    add_rate_option(parser)


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Fetch, and say what came."""
    from diarize_runner.cache.box.wheel_folder import WantedWheels, fetch_wheels
    from diarize_runner.cache.documents.pins import Target

    store, folder = open_store(arguments.store, arguments.patience), Follower(root=arguments.into)
    seen_serial = None if arguments.allow_older else folder.serial
    version = Wanted(version=arguments.version, public_key=arguments.public_key, seen_serial=seen_serial)
    target = Target(python=arguments.python or own_python())
    wanted = WantedWheels(of=version, target=target)
    if arguments.installer_only:
        wanted = replace(wanted, requirements=(INSTALLER_NAME,))
    wheels = fetch_wheels(store, wanted, folder, progress)
    manifest, moved = wheels.published.manifest, sum(wheel.content.size for wheel in wheels.fetched)
    document = {
        "changed": wheels.changed,
        "name": manifest.name,
        "version": manifest.version,
        "serial": wheels.published.serial,
        "manifest": str(manifest.digest),
        "python": target.python,
        "bytes_moved": moved,
        "folder": str(folder.root),
        "files": [INSTALLER_NAME, REQUIREMENTS_NAME, *(wheel.name for wheel in wheels.wheels)],
    }
    state = f"{megabytes(moved)} moved" if wheels.changed else "unchanged"
    what = f"{len(wheels.wheels)} wheels of {manifest.name} {manifest.version} for Python {target.python}"
    return Result(document=document, text=f"{folder.root}: {what}, {state}")
