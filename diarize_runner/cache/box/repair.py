"""Repair a cache in place: fetch bad blobs, fix links, and verify again."""

from dataclasses import dataclass
from pathlib import Path

from diarize_runner.cache.box.fetch import PublishedArchive, fetch_blobs
from diarize_runner.cache.box.verify import VerifiedCache, verify
from diarize_runner.cache.documents import layout
from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.cache.documents.snapshot import RepoSnapshot
from diarize_runner.disk import disk_errors, flush, flush_folders, link_atomically, overwrite_file
from diarize_runner.errors import IntegrityError
from diarize_runner.progress import NoProgress, Progress
from diarize_runner.store.protocol import ArchiveStore


@dataclass(frozen=True, kw_only=True, slots=True)
class RepairedCache:
    """A repaired cache."""

    cache: VerifiedCache
    repaired_paths: tuple[str, ...]
    """Paths in the cache that were missing or wrong."""
    bytes_moved: int
    """Bytes read from the store."""


def repair(root: Path, manifest: CacheManifest, store: ArchiveStore, progress: Progress) -> RepairedCache:
    """Repair the cache in `root`, the folder that holds `huggingface/`, from a store that has its version.

    It removes nothing: unlisted files and unsafe checkpoints remain an error.

    Raises:
        StoreError: the store refused or could not be reached.
        IntegrityError: the store's data does not match the manifest, or a difference cannot be repaired.
        DiskError: a write failed.
    """
    report = verify(root, manifest, progress)
    broken = (*report.missing, *report.mismatched)
    with disk_errors(root):
        for path in broken:
            _require_unobstructed(root, path)
        spans = tuple(span for span in manifest.archive.blobs if span.path in broken)
        moved = fetch_blobs(PublishedArchive(store=store, version=manifest.version), spans, root, progress)
        for repo in manifest.repos:
            _repair_links(root, repo, frozenset(broken))
        if broken:
            flush_folders(root / layout.HF_HOME)
            flush(root)
    hashed = {span.path: span.content for span in manifest.archive.blobs}
    cache = verify(root, manifest, NoProgress(), hashed=hashed).require_ok()
    return RepairedCache(cache=cache, repaired_paths=broken, bytes_moved=moved)


def _require_unobstructed(root: Path, path: str) -> None:
    """Refuse to write through a link, which may leave the cache, or over a folder."""
    parents = [root / folder for folder in Path(path).parents if folder.name]
    obstacles = [folder for folder in parents if folder.is_symlink()]
    if (root / path).is_dir() and not (root / path).is_symlink():
        obstacles.append(root / path)
    if obstacles:
        hint = "check what it is and remove it, then run again"
        raise IntegrityError(f"{obstacles[0]} blocks the repair", hint=hint)


def _repair_links(root: Path, repo: RepoSnapshot, broken: frozenset[str]) -> None:
    ref = root / layout.ref_path(repo)
    if layout.ref_path(repo) in broken:
        ref.parent.mkdir(parents=True, exist_ok=True)
        partial = ref.with_name(f"{ref.name}.incomplete")
        overwrite_file(partial, repo.commit_hash.encode())
        partial.replace(ref)
    for path, target in layout.links(repo).items():
        if path in broken:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            link_atomically(root / path, target)
