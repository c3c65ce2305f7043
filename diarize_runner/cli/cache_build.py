"""`diarize-runner cache build`: make a version of a locked request."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.cache.builder.hub import take_token
from diarize_runner.cache.builder.pythons import PYTHONS, own_python
from diarize_runner.cache.builder.version import build
from diarize_runner.cache.documents.lock import lock_path, read_lock
from diarize_runner.cache.documents.manifest import (
    INSTALLER_NAME,
    REQUIREMENTS_NAME,
    SIGNATURE_NAME,
    CacheManifest,
    read_version,
)
from diarize_runner.cache.documents.request import read_request
from diarize_runner.cache.published.signature import read_private_key
from diarize_runner.cli.options import Commands, add_command
from diarize_runner.cli.output import Result, megabytes
from diarize_runner.disk import disk_errors, write_atomically
from diarize_runner.errors import UsageError
from diarize_runner.progress import Progress

if TYPE_CHECKING:
    from diarize_runner.cache.builder.gather import WheelSources


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "build", run, "fetch what a lock pins; write archive, requirements and manifest")
    parser.add_argument("request", type=Path, metavar="REQUEST.yaml")
    parser.add_argument("--version", required=True, help="such as 1.0; published under v1.0/")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to leave what is made")
    default = Path("requirements", REQUIREMENTS_NAME)
    parser.add_argument("--requirements", type=Path, default=default, metavar="FILE", help=f"default: {default}")
    parser.add_argument("--sign", type=Path, metavar="KEY", help="private key to sign the manifest with")
    _add_wheel_options(parser.add_argument_group("wheels", "so that a box needs no package index"))


def _add_wheel_options(group: argparse._ArgumentGroup) -> None:
    described = "carry the wheels that the requirements and the installer's pin, for Linux on x86-64"
    group.add_argument("--with-wheels", action="store_true", help=described)
    described = "of the boxes; may be given more than once (default: the Python that runs this)"
    group.add_argument("--python", action="append", choices=PYTHONS, help=described)
    described = "carry the toolkit too: its wheel, and what `make toolkit` leaves beside it"
    group.add_argument("--toolkit", type=Path, metavar="WHEEL", help=described)
    default = Path("requirements", INSTALLER_NAME)
    described = f"what a box installs first (default: {default})"
    group.add_argument("--installer", type=Path, default=default, metavar="FILE", help=described)


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Build, and name what was built. A key is read first, so that a wrong one costs no build."""
    key = read_private_key(arguments.sign) if arguments.sign else None
    request = read_request(arguments.request)
    manifest = build(
        read_lock(request, lock_path(arguments.request)),
        folder=request.folder,
        version=read_version(arguments.version),
        requirements=arguments.requirements,
        out=arguments.out,
        progress=progress,
        wheels=_wheel_sources(arguments),
        token=take_token(),
    )
    if key:
        with disk_errors(arguments.out):
            write_atomically(arguments.out / SIGNATURE_NAME, key.sign(manifest.to_bytes()))
    return _result(manifest, arguments.out)


def _wheel_sources(arguments: argparse.Namespace) -> "WheelSources | None":
    if not arguments.with_wheels:
        if arguments.python or arguments.toolkit:
            raise UsageError("--python and --toolkit are about wheels", hint="add --with-wheels")
        return None
    from diarize_runner.cache.builder.gather import WheelSources

    return WheelSources.of(
        arguments.python or [own_python()],
        requirements=arguments.requirements,
        installer=arguments.installer,
        toolkit=arguments.toolkit,
    )


def _result(manifest: CacheManifest, out: Path) -> Result:
    archive, house = manifest.archive.file, manifest.wheelhouse
    sizes = [wheel.content.size for wheel in house.wheels] if house else []
    document = {
        "version": manifest.version,
        "manifest": str(manifest.digest),
        "archive": archive.to_dict(),
        "wheels": len(sizes),
        "wheel_bytes": sum(sizes),
    }
    carried = f", {len(sizes)} wheels {megabytes(sum(sizes))}" if house else ""
    made = f"{manifest.name} {manifest.version}, {archive.name} {megabytes(archive.content.size)}{carried}"
    return Result(document=document, text=f"{out}: {made}")
