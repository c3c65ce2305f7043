"""`diarize-runner cache wheels`: download the wheels of a version."""

import argparse
from dataclasses import replace
from pathlib import Path

from diarize_runner.cache.box.synced_folder import SyncedFolder
from diarize_runner.cache.builder.pythons import SUPPORTED_PYTHONS, current_python
from diarize_runner.cache.documents.manifest import INSTALLER_NAME, REQUIREMENTS_NAME
from diarize_runner.cache.published.find import LATEST, VersionQuery
from diarize_runner.cli.output import Result, megabytes
from diarize_runner.cli.store_options import add_rate_option, add_store_option
from diarize_runner.progress import Progress
from diarize_runner.store.address import open_store


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `cache wheels`."""
    add_store_option(parser)
    parser.add_argument("--version", default=LATEST, help=f"default: {LATEST}")
    parser.add_argument("--into", type=Path, required=True, metavar="DIR", help="a folder for wheels")
    parser.add_argument("--python", choices=SUPPORTED_PYTHONS, help="target Python (default: the one that runs this)")
    described = "only the installer's wheels: uv, and the packages that read stores"
    parser.add_argument("--installer-only", action="store_true", help=described)
    parser.add_argument("--public-key", type=Path, metavar="FILE", help="accept only what this key signed")
    parser.add_argument(
        "--allow-older", action="store_true", help="accept a latest that is older than the last one restored"
    )
    add_rate_option(parser)


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Download the wheels."""
    from diarize_runner.cache.box.wheel_folder import WheelQuery, fetch_wheels
    from diarize_runner.cache.documents.pins import Target

    store, folder = open_store(arguments.store, arguments.retry_policy), SyncedFolder(root=arguments.into)
    seen_serial = None if arguments.allow_older else folder.serial
    version = VersionQuery(version=arguments.version, public_key=arguments.public_key, seen_serial=seen_serial)
    target = Target(python=arguments.python or current_python())
    query = WheelQuery(version=version, target=target)
    if arguments.installer_only:
        query = replace(query, requirements=(INSTALLER_NAME,))
    wheels = fetch_wheels(store, query, folder, progress)
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
