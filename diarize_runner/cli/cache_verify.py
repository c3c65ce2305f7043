"""`diarize-runner cache verify`: compare a cache with its manifest, offline; mend it, if asked to."""

import argparse
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from diarize_runner.cache.box.folder import BoxFolder, find_cache, read_manifest
from diarize_runner.cache.box.verify import verify
from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.cli.options import Commands, add_command
from diarize_runner.cli.output import Result, megabytes
from diarize_runner.errors import ManifestError, UsageError
from diarize_runner.progress import Progress
from diarize_runner.store.address import ADDRESSES, open_store


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "verify", run, "compare every byte and link of a cache with its manifest, offline")
    parser.add_argument("cache", type=Path, metavar="DIR", help="a box's cache folder, or what holds huggingface/")
    described = "for a cache restored by hand; default: DIR/manifest.json"
    parser.add_argument("--manifest", type=Path, metavar="FILE", help=described)
    described = "fetch what is missing or wrong, and only that, from --store"
    parser.add_argument("--repair", action="store_true", help=described)
    parser.add_argument("--store", metavar="STORE", help=f"where the version is published: {ADDRESSES}")


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Verify, or repair; an IntegrityError names every difference."""
    if arguments.repair != bool(arguments.store):
        raise UsageError("--repair and --store belong together", hint="give both, or neither to look and not touch")
    root = find_cache(arguments.cache)
    manifest = _read(arguments.manifest) if arguments.manifest else read_manifest(root)
    if arguments.repair:
        return _repair(arguments, root, manifest, progress)
    cache = verify(root, manifest, progress).require_ok()
    return Result(document=_document(manifest), text=f"{cache.root}: {_said(manifest)}")


def _repair(arguments: argparse.Namespace, root: Path, manifest: CacheManifest, progress: Progress) -> Result:
    from diarize_runner.cache.box.repair import repair

    with _alone_in(arguments.cache):
        repaired = repair(root, manifest, open_store(arguments.store), progress)
    did = f"mended {len(repaired.mended)}, {megabytes(repaired.bytes_moved)} moved" if repaired.mended else "unchanged"
    document = {
        **_document(manifest),
        "changed": bool(repaired.mended),
        "mended": repaired.mended,
        "bytes_moved": repaired.bytes_moved,
    }
    return Result(document=document, text=f"{root}: {did}; {_said(manifest)}")


def _alone_in(folder: Path) -> AbstractContextManager[None]:
    """Wait for a restore into the same box, where `folder` is one."""
    box = BoxFolder(root=folder)
    return box.exclusively() if box.current.is_symlink() else nullcontext()


def _document(manifest: CacheManifest) -> dict[str, object]:
    return {"ok": True, "name": manifest.name, "version": manifest.version, "bytes": _size(manifest)}


def _said(manifest: CacheManifest) -> str:
    return f"{manifest.name} {manifest.version}, {megabytes(_size(manifest))}, every byte as published"


def _size(manifest: CacheManifest) -> int:
    return sum(blob.content.size for blob in manifest.archive.blobs)


def _read(path: Path) -> CacheManifest:
    try:
        return CacheManifest.from_bytes(path.read_bytes(), str(path))
    except OSError as reason:
        raise ManifestError(f"{path}: {reason.strerror}", hint="the manifest lies beside the archive") from reason
