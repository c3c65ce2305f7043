"""Mend a cache where it lies: fetch the blobs that are bad, set the links right, and verify again."""

from dataclasses import dataclass
from pathlib import Path

from diarize_runner.cache.box.fetch import PublishedArchive, fetch_blobs
from diarize_runner.cache.box.verify import VerifiedCache, verify
from diarize_runner.cache.documents import layout
from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.cache.documents.snapshot import RepoSnapshot
from diarize_runner.disk import disk_errors, flush, flush_folders, link_atomically, write_afresh
from diarize_runner.errors import IntegrityError
from diarize_runner.progress import Progress, Silent
from diarize_runner.store.protocol import ArchiveStore


@dataclass(frozen=True, kw_only=True, slots=True)
class RepairedCache:
    """A cache that is right now."""

    cache: VerifiedCache
    mended: tuple[str, ...]
    """Paths in the cache that were missing or wrong."""
    bytes_moved: int
    """Read from the store."""


def repair(root: Path, manifest: CacheManifest, store: ArchiveStore, progress: Progress) -> RepairedCache:
    """Mend the cache whose `huggingface/` lies in `root`, from the store that has its version.

    Nothing is removed: files that do not belong, and checkpoints that are not safe, are an error still.

    Raises:
        StoreError: the store refused or could not be reached.
        IntegrityError: the store has other bytes than the manifest says, or something is wrong that this does not mend.
        DiskError: the disk refused.
    """
    report = verify(root, manifest, progress)
    broken = (*report.missing, *report.mismatched)
    with disk_errors(root):
        for path in broken:
            _require_own_place(root, path)
        spans = tuple(span for span in manifest.archive.blobs if span.path in broken)
        moved = fetch_blobs(PublishedArchive(store=store, version=manifest.version), spans, root, progress)
        for repo in manifest.repos:
            _mend_names(root, repo, frozenset(broken))
        if broken:
            flush_folders(root / layout.HF_HOME)
            flush(root)
    hashed = {span.path: span.content for span in manifest.archive.blobs}
    cache = verify(root, manifest, Silent(), hashed=hashed).require_ok()
    return RepairedCache(cache=cache, mended=broken, bytes_moved=moved)


def _require_own_place(root: Path, path: str) -> None:
    """Never write through a link, which may lead out of the cache, nor over a folder."""
    above = [root / folder for folder in Path(path).parents if folder.name]
    in_the_way = [folder for folder in above if folder.is_symlink()]
    if (root / path).is_dir() and not (root / path).is_symlink():
        in_the_way.append(root / path)
    if in_the_way:
        hint = "see what it is and remove it, then run again"
        raise IntegrityError(f"{in_the_way[0]} is in the way of a repair", hint=hint)


def _mend_names(root: Path, repo: RepoSnapshot, broken: frozenset[str]) -> None:
    ref = root / layout.ref_path(repo)
    if layout.ref_path(repo) in broken:
        ref.parent.mkdir(parents=True, exist_ok=True)
        written = ref.with_name(f"{ref.name}.incomplete")
        write_afresh(written, repo.commit_hash.encode())
        written.replace(ref)
    for path, target in layout.links(repo).items():
        if path in broken:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            link_atomically(root / path, target)
