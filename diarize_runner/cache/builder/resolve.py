"""Request -> lock: fetch every file once, rewrite checkpoints, and pin what goes into the cache."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

from diarize_runner.cache.builder.hub import ONLINE_HUB
from diarize_runner.cache.builder.hub_source import HubSource
from diarize_runner.cache.builder.prepare import PreparedFile, prepare
from diarize_runner.cache.builder.sources import FetchedFile, fetch_composed, fetch_hub
from diarize_runner.cache.checkpoint.import_allowlist import STANDARD_CLASSES, require_allowed
from diarize_runner.cache.documents.fields import Node, require_unique_paths
from diarize_runner.cache.documents.lock import CacheLock
from diarize_runner.cache.documents.request import CacheRequest, HubSelection, RequestedFile, RequestedRepo
from diarize_runner.cache.documents.snapshot import FileEntry, HubOrigin, RepoSnapshot, commit_hash_of
from diarize_runner.errors import SourceError
from diarize_runner.progress import Progress


def resolve(request: CacheRequest, progress: Progress, hub: HubSource = ONLINE_HUB) -> CacheLock:
    """Pin each revision to a commit, and each file and wheel to a digest.

    Raises:
        SourceError: a file cannot be fetched.
        ManifestError: a file on the Hub has a name that caches do not allow.
        UnsafeCheckpoint: a checkpoint holds more than data, or a file makes pyannote load a class that is not allowed.
    """
    repos = tuple(_resolve_repo(request.folder, repo, hub, progress) for repo in request.repos)
    return CacheLock(request=request.digest, name=request.name, pipeline=request.pipeline, repos=repos)


def _resolve_repo(folder: Path, repo: RequestedRepo, hub: HubSource, progress: Progress) -> RepoSnapshot:
    if isinstance(repo.content, HubSelection):
        return _resolve_hub(repo, repo.content, hub, progress)
    return _resolve_composed(folder, repo, repo.content, progress)


def _resolve_hub(repo: RequestedRepo, selection: HubSelection, hub: HubSource, progress: Progress) -> RepoSnapshot:
    listing = hub.list_repo(repo.repo_id, selection.at, selection.allow_patterns)
    if not listing.etags:
        raise SourceError(
            f"{repo.repo_id} has no file that the request selects", hint="check allow_patterns in the request file"
        )
    _require_paths(repo.repo_id, listing.etags)
    fetched = fetch_hub(hub, repo.repo_id, listing.commit_hash, listing.etags)
    origin = HubOrigin(gated=listing.gated, allow_patterns=selection.allow_patterns)
    snapshot = _snapshot(repo, _entries(repo, fetched, len(listing.etags), progress))
    return replace(snapshot, commit_hash=listing.commit_hash, hub=origin)


def _require_paths(repo_id: str, paths: Collection[str]) -> None:
    """Before any fetch, refuse the paths that the lock's reader would refuse."""
    for path in paths:
        Node(value=path, document=repo_id).path()
    require_unique_paths(paths, Node(value=paths, document=repo_id))


def _resolve_composed(
    folder: Path, repo: RequestedRepo, files: tuple[RequestedFile, ...], progress: Progress
) -> RepoSnapshot:
    fetched = fetch_composed(folder, {file.path: file.source for file in files}, {})
    return _snapshot(repo, _entries(repo, fetched, len(files), progress))


def _snapshot(repo: RequestedRepo, files: tuple[FileEntry, ...]) -> RepoSnapshot:
    return RepoSnapshot(
        repo_id=repo.repo_id,
        revision=repo.revision,
        commit_hash=commit_hash_of(files),
        licence=repo.licence,
        hub=None,
        files=files,
    )


def _entries(
    repo: RequestedRepo, fetched: Iterable[FetchedFile], total: int, progress: Progress
) -> tuple[FileEntry, ...]:
    entries: list[FileEntry] = []
    for file in prepare(fetched, repo.pickle_names):
        entries.append(_entry(repo, file))
        progress.advance(f"resolve {repo.repo_id}", completed=len(entries), total=total)
    return tuple(sorted(entries, key=lambda entry: entry.path))


def _entry(repo: RequestedRepo, file: PreparedFile) -> FileEntry:
    label = f"{repo.repo_id}: {file.entry.path}"
    require_allowed(label, file.entry.class_names, {*STANDARD_CLASSES, *repo.class_names})
    return file.entry
