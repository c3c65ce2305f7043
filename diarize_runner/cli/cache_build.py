"""`diarize-runner cache build`: build a version from a lock."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.cache.builder.combine import combine
from diarize_runner.cache.builder.pythons import SUPPORTED_PYTHONS, current_python
from diarize_runner.cache.builder.version import build
from diarize_runner.cache.documents.lock import lock_path, read_lock
from diarize_runner.cache.documents.manifest import (
    INSTALLER_NAME,
    REQUIREMENTS_NAME,
    SIGNATURE_NAME,
    CacheManifest,
    parse_version,
)
from diarize_runner.cache.documents.request import read_request
from diarize_runner.cache.published.signature import read_private_key
from diarize_runner.cli.hub_options import add_hub_cache_option, hub_source
from diarize_runner.cli.output import Result, megabytes
from diarize_runner.disk import disk_errors, write_atomically
from diarize_runner.errors import UsageError
from diarize_runner.progress import Progress

if TYPE_CHECKING:
    from diarize_runner.cache.builder.environment import EnvironmentSources
    from diarize_runner.cache.builder.gather import WheelSources


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `cache build`."""
    described = "a request with a pipeline; and requests of transcription or alignment models to add to its version"
    parser.add_argument("requests", type=Path, nargs="+", metavar="REQUEST.yaml", help=described)
    parser.add_argument("--version", required=True, help="such as 1.0; it is published under v1.0/")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the folder to write to")
    default = Path("requirements", REQUIREMENTS_NAME)
    parser.add_argument("--requirements", type=Path, default=default, metavar="FILE", help=f"default: {default}")
    parser.add_argument("--sign", type=Path, metavar="KEY", help="private key to sign the manifest with")
    add_hub_cache_option(parser)
    _add_wheel_options(parser.add_argument_group("wheels", "with these, boxes need no package index"))


def _add_wheel_options(group: argparse._ArgumentGroup) -> None:
    described = "include the wheels that the requirements pin, for Linux on x86-64"
    group.add_argument("--with-wheels", action="store_true", help=described)
    described = "include images of the installed packages, which boxes mount; implies --with-wheels, needs mksquashfs"
    group.add_argument("--with-environment", action="store_true", help=described)
    described = "the boxes' Python; repeatable (default: the one that runs this)"
    group.add_argument("--python", action="append", choices=SUPPORTED_PYTHONS, help=described)
    described = "include the toolkit: its wheel, and the files that `make toolkit` writes beside it"
    group.add_argument("--toolkit", type=Path, metavar="WHEEL", help=described)
    default = Path("requirements", INSTALLER_NAME)
    described = f"requirements that a box installs first (default: {default})"
    group.add_argument("--installer", type=Path, default=default, metavar="FILE", help=described)


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Build the version. Read the key first: a wrong key fails before the build."""
    key = read_private_key(arguments.sign) if arguments.sign else None
    manifest = build(
        combine([read_lock(read_request(path), lock_path(path)) for path in arguments.requests]),
        folder=_common_folder(arguments.requests),
        version=parse_version(arguments.version),
        requirements=arguments.requirements,
        out=arguments.out,
        progress=progress,
        wheels=_wheel_sources(arguments),
        environment=_environment_sources(arguments),
        hub=hub_source(arguments),
    )
    if key:
        with disk_errors(arguments.out):
            write_atomically(arguments.out / SIGNATURE_NAME, key.sign(manifest.to_bytes()))
    return _result(manifest, arguments.out)


def _common_folder(requests: Sequence[Path]) -> Path:
    """Return the folder of the requests' local files."""
    first, *others = (path.parent for path in requests)
    if any(folder.resolve() != first.resolve() for folder in others):
        raise UsageError("the requests are in several folders", hint="put them, their locks and files into one folder")
    return first


def _wheel_sources(arguments: argparse.Namespace) -> "WheelSources | None":
    if not (arguments.with_wheels or arguments.with_environment):
        if arguments.python or arguments.toolkit:
            raise UsageError("--python and --toolkit require --with-wheels", hint="add --with-wheels")
        return None
    from diarize_runner.cache.builder.gather import WheelSources

    return WheelSources.read(
        arguments.python or [current_python()],
        requirements=arguments.requirements,
        installer=arguments.installer,
        toolkit=arguments.toolkit,
    )


def _environment_sources(arguments: argparse.Namespace) -> "EnvironmentSources | None":
    if not arguments.with_environment:
        return None
    from diarize_runner.cache.builder.environment import EnvironmentSources

    return EnvironmentSources.read(arguments.python or [current_python()], arguments.requirements)


def _result(manifest: CacheManifest, out: Path) -> Result:
    archive, house = manifest.archive.file, manifest.wheelhouse
    sizes = [wheel.content.size for wheel in house.wheels] if house else []
    document = {
        "version": manifest.version,
        "manifest": str(manifest.digest),
        "archive": archive.to_dict(),
        "wheels": len(sizes),
        "wheel_bytes": sum(sizes),
        "images": [image.to_dict() for image in manifest.environments],
    }
    image_bytes = sum(image.file.content.size for image in manifest.environments)
    carried = f", {len(sizes)} wheels {megabytes(sum(sizes))}" if house else ""
    carried += f", {len(manifest.environments)} images {megabytes(image_bytes)}" if image_bytes else ""
    made = f"{manifest.name} {manifest.version}, {archive.name} {megabytes(archive.content.size)}{carried}"
    return Result(document=document, text=f"{out}: {made}")
