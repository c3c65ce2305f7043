"""`diarize-runner cache verify`: compare a cache with its manifest, offline, and repair it on request."""

import argparse
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from diarize_runner.cache.box.folder import BoxFolder, find_cache, read_manifest
from diarize_runner.cache.box.verify import verify
from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.cli.output import Result, megabytes
from diarize_runner.cli.store_options import VARIABLE, default_store
from diarize_runner.errors import ManifestError, UsageError
from diarize_runner.progress import Progress
from diarize_runner.store.address import ADDRESSES, open_store


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `cache verify`."""
    parser.add_argument("cache", type=Path, metavar="DIR", help="a cache folder, or the folder that holds huggingface/")
    described = "the manifest of a cache that was unpacked by hand (default: DIR/manifest.json)"
    parser.add_argument("--manifest", type=Path, metavar="FILE", help=described)
    described = "download missing and wrong files from the store"
    parser.add_argument("--repair", action="store_true", help=described)
    parser.add_argument("--store", metavar="STORE", help=f"with --repair: {ADDRESSES} (default: ${VARIABLE})")


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Verify the cache, or repair it; raise IntegrityError, which lists every difference."""
    if arguments.store and not arguments.repair:
        raise UsageError("--store requires --repair", hint="add --repair to change the cache, or drop --store")
    root = find_cache(arguments.cache)
    manifest = _read(arguments.manifest) if arguments.manifest else read_manifest(root)
    if arguments.repair:
        return _repair(arguments, root, manifest, progress)
    cache = verify(root, manifest, progress).require_ok()
    return Result(document=_document(manifest), text=f"{cache.root}: {_summary(manifest)}")


def _repair(arguments: argparse.Namespace, root: Path, manifest: CacheManifest, progress: Progress) -> Result:
    from diarize_runner.cache.box.repair import repair

    store = arguments.store or default_store()
    if not store:
        raise UsageError("--repair requires --store", hint=f"name where the version is published: {ADDRESSES}")
    with _locked(arguments.cache):
        repaired = repair(root, manifest, open_store(store), progress)
    paths = repaired.repaired_paths
    done = f"repaired {len(paths)}, {megabytes(repaired.bytes_moved)} downloaded" if paths else "unchanged"
    document = {
        **_document(manifest),
        "changed": bool(paths),
        "mended": paths,
        "bytes_moved": repaired.bytes_moved,
    }
    return Result(document=document, text=f"{root}: {done}; {_summary(manifest)}")


def _locked(folder: Path) -> AbstractContextManager[None]:
    """Lock the cache folder against a restore; a cache that was unpacked by hand needs no lock."""
    box = BoxFolder(root=folder)
    return box.locked() if box.current.is_symlink() else nullcontext()


def _document(manifest: CacheManifest) -> dict[str, object]:
    return {"ok": True, "name": manifest.name, "version": manifest.version, "bytes": _size(manifest)}


def _summary(manifest: CacheManifest) -> str:
    return f"{manifest.name} {manifest.version}, {megabytes(_size(manifest))}, every file matches the manifest"


def _size(manifest: CacheManifest) -> int:
    return sum(blob.content.size for blob in manifest.archive.blobs)


def _read(path: Path) -> CacheManifest:
    try:
        return CacheManifest.from_bytes(path.read_bytes(), str(path))
    except OSError as reason:
        raise ManifestError(f"{path}: {reason.strerror}", hint="use the manifest.json beside the archive") from reason
