"""`diarize-runner cache resolve`: pin the files of a request."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from diarize_runner.cache.builder.hub_cache import HubCache
from diarize_runner.cache.builder.resolve import resolve
from diarize_runner.cache.documents.lock import CacheLock, lock_path
from diarize_runner.cache.documents.request import read_request
from diarize_runner.cache.documents.snapshot import RepoSnapshot
from diarize_runner.cli.hub_options import add_hub_cache_option, hub_source
from diarize_runner.cli.output import Result, megabytes
from diarize_runner.disk import disk_errors, write_atomically
from diarize_runner.progress import Progress


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `cache resolve`."""
    parser.add_argument("request", type=Path, metavar="REQUEST.yaml", help="format: cache_manifests/FORMAT.md")
    add_hub_cache_option(parser)


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Write the lock if it changed."""
    request, path = read_request(arguments.request), lock_path(arguments.request)
    lock = resolve(request, progress, hub_source(arguments))
    data = lock.to_bytes()
    changed = not path.is_file() or path.read_bytes() != data
    if changed:
        with disk_errors(path):
            write_atomically(path, data)
    result = _result(lock, path, changed=changed)
    return _with_snapshots(result, lock, arguments.from_hf_cache) if arguments.from_hf_cache else result


def _result(lock: CacheLock, path: Path, *, changed: bool) -> Result:
    files = [file for repo in lock.repos for file in repo.files]
    size = sum(file.content.size for file in files)
    return Result(
        document={"changed": changed, "lock": str(path), "files": len(files), "bytes": size},
        text=f"{path}: {len(files)} files, {megabytes(size)}" + ("" if changed else ", unchanged"),
    )


def _with_snapshots(result: Result, lock: CacheLock, cache: HubCache) -> Result:
    """Add the commits that the cache held: it may be older than the Hub, and incomplete."""
    repos = [repo for repo in lock.repos if repo.hub]
    document = {
        **result.document,
        "hf_cache": str(cache.root),
        "commits": {repo.repo_id: repo.commit_hash for repo in repos},
        "absent": {repo.repo_id: list(cache.absent(repo)) for repo in repos},
    }
    lines = [line for repo in repos for line in _snapshot_lines(repo, cache)]
    return Result(document=document, text=(str(result.text), *lines))


def _snapshot_lines(repo: RepoSnapshot, cache: HubCache) -> Iterator[str]:
    yield f"  {repo.repo_id}: commit {repo.commit_hash}, {len(repo.files)} files from {cache.root}"
    if absent := cache.absent(repo):
        yield f"  warning: not there, so not in the lock: {', '.join(absent)}"
