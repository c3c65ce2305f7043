"""`diarize-runner cache verify`: compare a cache with its manifest, offline."""

import argparse
from pathlib import Path

from diarize_runner.cache.box import find_cache, read_manifest
from diarize_runner.cache.manifest import CacheManifest
from diarize_runner.cache.verify import verify
from diarize_runner.cli.options import Commands, add_command
from diarize_runner.cli.output import Result, megabytes
from diarize_runner.errors import ManifestError
from diarize_runner.progress import Progress


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "verify", run, "compare every byte and link of a cache with its manifest, offline")
    parser.add_argument("cache", type=Path, metavar="DIR", help="a box's cache folder, or what holds huggingface/")
    described = "for a cache restored by hand; default: DIR/manifest.json"
    parser.add_argument("--manifest", type=Path, metavar="FILE", help=described)


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Verify; an IntegrityError names every difference."""
    root = find_cache(arguments.cache)
    manifest = _read(arguments.manifest) if arguments.manifest else read_manifest(root)
    cache = verify(root, manifest, progress).require_ok()
    size = sum(blob.content.size for blob in manifest.archive.blobs)
    name = f"{manifest.name} {manifest.version}"
    document: dict[str, object] = {"ok": True, "name": manifest.name, "version": manifest.version, "bytes": size}
    return Result(document=document, text=f"{cache.root}: {name}, {megabytes(size)}, every byte as published")


def _read(path: Path) -> CacheManifest:
    try:
        return CacheManifest.from_bytes(path.read_bytes(), str(path))
    except OSError as reason:
        raise ManifestError(f"{path}: {reason.strerror}", hint="the manifest lies beside the archive") from reason
