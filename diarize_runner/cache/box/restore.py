"""Restore a version from a store to a box: fetch missing blobs by range, hash while writing, move into place.

The archive is never parsed as tar: the manifest has the offsets of the blobs, and the symlinks.
"""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.cache.box.fetch import PublishedArchive, fetch_blobs, remove_partial
from diarize_runner.cache.box.folder import BoxFolder
from diarize_runner.cache.box.ownership import require_trusted_folder
from diarize_runner.cache.box.runtime import RUNTIME_ENV_NAME, render, runtime_environment
from diarize_runner.cache.box.verify import VerifiedCache, has_content, verify
from diarize_runner.cache.documents import layout
from diarize_runner.cache.documents.manifest import MANIFEST_NAME, BlobSpan, CacheManifest
from diarize_runner.cache.published.find import PublishedVersion, VersionQuery, find_version
from diarize_runner.digests import hash_bytes
from diarize_runner.disk import disk_errors, overwrite_file, write_atomically
from diarize_runner.errors import DiskError, ObjectNotFound, StoreError
from diarize_runner.progress import NoProgress, Progress
from diarize_runner.store.protocol import ArchiveStore

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class RestorePlan:
    """What a restore would do."""

    published: PublishedVersion
    fetch: tuple[BlobSpan, ...]
    """Blobs to fetch from the store."""
    reuse: dict[str, Path]
    """Verified blobs on this disk: path in the cache -> file."""
    write: dict[str, bytes]
    """Files to write beside `huggingface/`, by name."""
    in_use: VerifiedCache | None
    """The version, if it is the box's current one and undamaged."""

    @property
    def manifest(self) -> CacheManifest:
        """The manifest of the version to restore."""
        return self.published.manifest

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return self.in_use is None or bool(self.write)

    @property
    def bytes_to_move(self) -> int:
        """Bytes to read from the store."""
        return sum(span.length for span in self.fetch)

    @property
    def bytes_to_write(self) -> int:
        """Bytes of the fetched blobs on the disk."""
        return sum(span.content.size for span in self.fetch)


@dataclass(frozen=True, kw_only=True, slots=True)
class RestoredCache:
    """A version in use on a box."""

    plan: RestorePlan
    cache: VerifiedCache
    bytes_moved: int
    """Bytes read from the store: less than planned if an interrupted run left partial blobs."""


def plan_restore(store: ArchiveStore, query: VersionQuery, box: BoxFolder, progress: Progress) -> RestorePlan:
    """Plan the restore of a version into `box`.

    Raises the errors of `find_version`, and:
        DiskError: the box cannot be read.
    """
    published = find_version(store, query)
    manifest = published.manifest
    write = _companion_files(box, manifest)
    with disk_errors(box.root):
        if in_use := _in_use(box, manifest, progress):
            stale = {
                name: data for name, data in write.items() if not has_content(in_use.root / name, hash_bytes(data))
            }
            return RestorePlan(published=published, fetch=(), reuse={}, write=stale, in_use=in_use)
        folders = [box.staging_folder(manifest.digest), box.version_folder(manifest.digest), box.current]
        reuse = {span.path: found for span in manifest.archive.blobs for found in _first_copy(span, folders)}
    fetch = tuple(span for span in manifest.archive.blobs if span.path not in reuse)
    return RestorePlan(published=published, fetch=fetch, reuse=reuse, write=write, in_use=None)


def restore(store: ArchiveStore, query: VersionQuery, box: BoxFolder, progress: Progress) -> RestoredCache:
    """Restore a version into `box` and make it current. Concurrent restores wait for the lock.

    Raises:
        ObjectNotFound: there is no such version.
        StoreError: the store refused or could not be reached; fetched data stays, so that a later run resumes.
        IntegrityError: fetched data does not match the manifest; the box is unchanged.
        UntrustedFolder: another user of this machine can change the box, or plant links in it.
        DiskError: a read or write failed; the current version is complete, the old or the new one.
    """
    with disk_errors(box.root), box.locked():
        require_trusted_folder(box.root)
        plan = plan_restore(store, query, box, progress)
        _log.info("%s %s: %d blobs to fetch", plan.manifest.name, plan.manifest.version, len(plan.fetch))
        restored = _refresh(plan, plan.in_use) if plan.in_use else _execute(plan, store, box, progress)
        box.record_serial(plan.published.serial)
        box.remove_leftovers()
    return restored


def _refresh(plan: RestorePlan, cache: VerifiedCache) -> RestoredCache:
    """Rewrite stale files beside the current cache."""
    for name, data in plan.write.items():
        write_atomically(cache.root / name, data)
    return RestoredCache(plan=plan, cache=cache, bytes_moved=0)


def _execute(plan: RestorePlan, store: ArchiveStore, box: BoxFolder, progress: Progress) -> RestoredCache:
    _require_space(box.root, plan)
    digest = plan.manifest.digest
    with _staging(box.staging_folder(digest)) as staging:
        moved = _stage_blobs(staging, plan, store, progress)
        _write_metadata(staging, plan)
        already_hashed = {span.path: span.content for span in plan.manifest.archive.blobs}
        staged = verify(staging, plan.manifest, NoProgress(), hashed=already_hashed).require_ok()
        box.activate(digest)
    return RestoredCache(plan=plan, cache=staged.relocated_to(box.version_folder(digest)), bytes_moved=moved)


def _in_use(box: BoxFolder, manifest: CacheManifest, progress: Progress) -> VerifiedCache | None:
    root = box.version_folder(manifest.digest)
    if not (root.is_dir() and box.current.is_dir() and box.current.samefile(root)):
        return None
    report = verify(root, manifest, progress)
    return report.require_ok() if report.ok else None


def _first_copy(span: BlobSpan, folders: list[Path]) -> Iterator[Path]:
    """Yield the first undamaged copy of a blob, if there is one."""
    yield from [folder / span.path for folder in folders if has_content(folder / span.path, span.content)][:1]


def _require_space(root: Path, plan: RestorePlan) -> None:
    free = shutil.disk_usage(root).free
    if plan.bytes_to_write > free:
        message = f"{root}: the missing blobs need {plan.bytes_to_write:,} bytes and the disk has {free:,} left"
        raise DiskError(message, hint="free some space, or restore --into another disk; nothing was written")


@contextmanager
def _staging(staging: Path) -> Iterator[Path]:
    """Yield the folder to fill.

    A kill, Ctrl-C or a StoreError other than ObjectNotFound keeps it for the next run; other errors remove it.
    """
    if staging.is_symlink():  # an attacker may have made it: writes would go to its target
        staging.unlink()
    staging.mkdir(parents=True, exist_ok=True)
    try:
        yield staging
    except BaseException as reason:
        if isinstance(reason, ObjectNotFound) or not isinstance(reason, (StoreError, KeyboardInterrupt)):
            shutil.rmtree(staging, ignore_errors=True)
        raise


def _stage_blobs(staging: Path, plan: RestorePlan, store: ArchiveStore, progress: Progress) -> int:
    """Link the blobs on this disk, and fetch the others; return the number of bytes fetched."""
    for path, found in plan.reuse.items():
        remove_partial(staging / path)
        if found != staging / path:
            _link(found, _with_parents(staging / path))
    return fetch_blobs(PublishedArchive(store=store, version=plan.manifest.version), plan.fetch, staging, progress)


def _link(found: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    os.link(found, target)


def _with_parents(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _companion_files(box: BoxFolder, manifest: CacheManifest) -> dict[str, bytes]:
    """Return the files beside `huggingface/`, by name: the manifest and runtime.env."""
    environment = runtime_environment(box.current.absolute() / layout.HF_HOME)
    return {RUNTIME_ENV_NAME: render(environment), MANIFEST_NAME: manifest.to_bytes()}


def _write_metadata(staging: Path, plan: RestorePlan) -> None:
    """Write refs, links, and the files beside `huggingface/`."""
    for repo in plan.manifest.repos:
        overwrite_file(_with_parents(staging / layout.ref_path(repo)), repo.commit_hash.encode())
        for path, target in layout.links(repo).items():
            _with_parents(staging / path).unlink(missing_ok=True)
            (staging / path).symlink_to(target)
    for name, data in plan.write.items():
        overwrite_file(staging / name, data)
