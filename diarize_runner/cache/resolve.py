"""Request -> lock: fetch every file once, and write down what came."""

from pathlib import Path

from diarize_runner.cache.lock import CacheLock
from diarize_runner.cache.request import CacheRequest, RequestedRepo
from diarize_runner.cache.snapshot import FileEntry, RepoSnapshot, commit_hash_of
from diarize_runner.cache.sources import fetch
from diarize_runner.digests import content_of
from diarize_runner.progress import Progress


def resolve(request: CacheRequest, progress: Progress) -> CacheLock:
    """Pin every file of `request` to its digest, and every wheel to its own; raises as `sources.fetch` does."""
    repos = tuple(_resolve_repo(request.folder, repo, progress) for repo in request.repos)
    return CacheLock(request=request.digest, name=request.name, pipeline=request.pipeline, repos=repos)


def _resolve_repo(folder: Path, repo: RequestedRepo, progress: Progress) -> RepoSnapshot:
    files: list[FileEntry] = []
    for fetched in fetch(folder, {file.path: file.source for file in repo.files}, {}):
        files.append(FileEntry(path=fetched.path, content=content_of(fetched.data), source=fetched.source))
        progress.advance(f"resolve {repo.repo_id}", completed=len(files), total=len(repo.files))
    files.sort(key=lambda file: file.path)
    return RepoSnapshot(
        repo_id=repo.repo_id,
        revision=repo.revision,
        commit_hash=commit_hash_of(files),
        licence=repo.licence,
        files=tuple(files),
    )
