"""Store -> box: fetch the blobs it lacks by range, hash them while writing, and rename once at the end.

The archive is never parsed as tar: blobs are read at the offsets the manifest names, links are made from the manifest.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.cache.box.fetch import PublishedArchive, fetch_blobs, forget_partial
from diarize_runner.cache.box.folder import BoxFolder
from diarize_runner.cache.box.ownership import require_unchangeable
from diarize_runner.cache.box.runtime import RUNTIME_ENV_NAME, render, runtime_environment
from diarize_runner.cache.box.verify import VerifiedCache, is_blob, verify
from diarize_runner.cache.documents import layout
from diarize_runner.cache.documents.manifest import MANIFEST_NAME, BlobSpan, CacheManifest
from diarize_runner.cache.published.find import PublishedVersion, Wanted, find_version
from diarize_runner.digests import content_of
from diarize_runner.disk import disk_errors, write_afresh, write_atomically
from diarize_runner.errors import DiskError, ObjectNotFound, StoreError
from diarize_runner.progress import Progress, Silent
from diarize_runner.store.protocol import ArchiveStore


@dataclass(frozen=True, kw_only=True, slots=True)
class RestorePlan:
    """What a restore would do, before anything moves."""

    published: PublishedVersion
    fetch: tuple[BlobSpan, ...]
    """Blobs that must come from the store."""
    reuse: dict[str, Path]
    """Blobs that are on this disk already, by path in the cache, and where; each was hashed to find that out."""
    write: dict[str, bytes]
    """What must lie beside `huggingface/` and does not yet, by name."""
    in_use: VerifiedCache | None
    """The version, when the box uses it already and every byte of it is right."""

    @property
    def manifest(self) -> CacheManifest:
        """Of the version to restore."""
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
    def bytes_on_disk(self) -> int:
        """Bytes to write."""
        return sum(span.content.size for span in self.fetch)


@dataclass(frozen=True, kw_only=True, slots=True)
class RestoredCache:
    """A version in use on a box."""

    plan: RestorePlan
    cache: VerifiedCache
    bytes_moved: int
    """Read from the store: less than planned, where a killed run had come some way."""


def plan_restore(store: ArchiveStore, wanted: Wanted, box: BoxFolder, progress: Progress) -> RestorePlan:
    """Find out what restoring a version into `box` takes.

    Raises as `find_version` does, and:
        DiskError: the box cannot be read.
    """
    published = find_version(store, wanted)
    manifest = published.manifest
    write = _beside(box, manifest)
    with disk_errors(box.root):
        if in_use := _in_use(box, manifest, progress):
            stale = {name: data for name, data in write.items() if not is_blob(in_use.root / name, content_of(data))}
            return RestorePlan(published=published, fetch=(), reuse={}, write=stale, in_use=in_use)
        folders = [box.staging(manifest.digest), box.version(manifest.digest), box.current]
        reuse = {span.path: found for span in manifest.archive.blobs for found in _found(span, folders)}
    fetch = tuple(span for span in manifest.archive.blobs if span.path not in reuse)
    return RestorePlan(published=published, fetch=fetch, reuse=reuse, write=write, in_use=None)


def restore(store: ArchiveStore, wanted: Wanted, box: BoxFolder, progress: Progress) -> RestoredCache:
    """Bring a version into `box` and make it current. Two at once take turns.

    Raises:
        ObjectNotFound: there is no such version.
        StoreError: the store refused or could not be reached; what came stays aside, to be gone on with.
        IntegrityError: something is not what the manifest says; the box is as it was before.
        UntrustedFolder: another user of this machine could change the box, or plant links for this to write through.
        DiskError: the disk refused; the box is as it was before.
    """
    with disk_errors(box.root), box.exclusively():
        require_unchangeable(box.root)
        plan = plan_restore(store, wanted, box, progress)
        restored = _keep(plan, plan.in_use) if plan.in_use else _carry_out(plan, store, box, progress)
        box.remember(plan.published.serial)
        box.sweep()
    return restored


def _keep(plan: RestorePlan, cache: VerifiedCache) -> RestoredCache:
    """Leave the version in use as it is, and set right what lies beside it."""
    for name, data in plan.write.items():
        write_atomically(cache.root / name, data)
    return RestoredCache(plan=plan, cache=cache, bytes_moved=0)


def _carry_out(plan: RestorePlan, store: ArchiveStore, box: BoxFolder, progress: Progress) -> RestoredCache:
    _require_space(box.root, plan)
    digest = plan.manifest.digest
    with _staging(box.staging(digest)) as staging:
        moved = _fill(staging, plan, store, progress)
        _finish(staging, plan)
        hashed = {span.path: span.content for span in plan.manifest.archive.blobs}
        staged = verify(staging, plan.manifest, Silent(), hashed=hashed).require_ok()
        box.adopt(digest)
    return RestoredCache(plan=plan, cache=staged.moved_to(box.version(digest)), bytes_moved=moved)


def _in_use(box: BoxFolder, manifest: CacheManifest, progress: Progress) -> VerifiedCache | None:
    root = box.version(manifest.digest)
    if not (root.is_dir() and box.current.is_dir() and box.current.samefile(root)):
        return None
    report = verify(root, manifest, progress)
    return report.require_ok() if report.ok else None


def _found(span: BlobSpan, folders: list[Path]) -> Iterator[Path]:
    yield from [folder / span.path for folder in folders if is_blob(folder / span.path, span.content)][:1]


def _require_space(root: Path, plan: RestorePlan) -> None:
    free = shutil.disk_usage(root).free
    if plan.bytes_on_disk > free:
        message = f"{root}: the cache needs {plan.bytes_on_disk:,} bytes and the disk has {free:,} left"
        raise DiskError(message, hint="free some space, or restore --into another disk; nothing was written")


@contextmanager
def _staging(staging: Path) -> Iterator[Path]:
    """Yield the folder to fill. It outlives a kill and a store that fails, to be gone on with, and no other error."""
    if staging.is_symlink():  # somebody else's: what is fetched would go where it leads
        staging.unlink()
    staging.mkdir(parents=True, exist_ok=True)
    try:
        yield staging
    except BaseException as reason:
        if isinstance(reason, ObjectNotFound) or not isinstance(reason, (StoreError, KeyboardInterrupt)):
            shutil.rmtree(staging, ignore_errors=True)
        raise


def _fill(staging: Path, plan: RestorePlan, store: ArchiveStore, progress: Progress) -> int:
    """Link the blobs that are here, fetch the others; return how many bytes came from the store."""
    for path, found in plan.reuse.items():
        forget_partial(staging / path)
        if found != staging / path:
            _link(found, _ready(staging / path))
    return fetch_blobs(PublishedArchive(store=store, version=plan.manifest.version), plan.fetch, staging, progress)


def _link(found: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    os.link(found, target)


def _ready(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _beside(box: BoxFolder, manifest: CacheManifest) -> dict[str, bytes]:
    """Return what lies beside a cache: its manifest, and the environment to use it in."""
    environment = runtime_environment(box.current.absolute() / layout.HF_HOME)
    return {RUNTIME_ENV_NAME: render(environment), MANIFEST_NAME: manifest.to_bytes()}


def _finish(staging: Path, plan: RestorePlan) -> None:
    """Write what is not a blob: refs, links, and what lies beside the cache."""
    for repo in plan.manifest.repos:
        write_afresh(_ready(staging / layout.ref_path(repo)), repo.commit_hash.encode())
        for path, target in layout.links(repo).items():
            _ready(staging / path).unlink(missing_ok=True)
            (staging / path).symlink_to(target)
    for name, data in plan.write.items():
        write_afresh(staging / name, data)
