"""Lock -> a folder with the three files of a version, ready to publish."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner import __version__
from diarize_runner.cache import layout
from diarize_runner.cache.archive import pack
from diarize_runner.cache.gate import imports_of
from diarize_runner.cache.imports import require_allowed
from diarize_runner.cache.lock import CacheLock
from diarize_runner.cache.manifest import (
    ARCHIVE_NAME,
    BOOTSTRAP_NAME,
    INSTALLER_NAME,
    MANIFEST_NAME,
    REQUIREMENTS_NAME,
    SIGNATURE_NAME,
    TOOLKIT_NAME,
    WHEELS_PAGE_NAME,
    CacheArchive,
    CacheManifest,
    PublishedFile,
    Wheelhouse,
)
from diarize_runner.cache.secrets import require_no_secret
from diarize_runner.cache.snapshot import RepoSnapshot
from diarize_runner.cache.sources import FetchedFile, fetch_locked
from diarize_runner.digests import content_of_file, pieces, write_hashing
from diarize_runner.disk import disk_errors, write_atomically
from diarize_runner.errors import IntegrityError, UsageError
from diarize_runner.progress import Progress

if TYPE_CHECKING:
    from diarize_runner.cache.gather import WheelSources

_STAGED = ".staged-"
_STALE = (MANIFEST_NAME, SIGNATURE_NAME, INSTALLER_NAME, WHEELS_PAGE_NAME, BOOTSTRAP_NAME, TOOLKIT_NAME)
"""What an earlier build may have left; without a manifest it is no version."""


def build(  # noqa: PLR0913  # a version is made of as many things
    lock: CacheLock,
    *,
    folder: Path,
    version: str,
    requirements: Path,
    out: Path,
    progress: Progress,
    wheels: "WheelSources | None" = None,
    token: str | None = None,
) -> CacheManifest:
    """Fetch what `lock` pins, and leave archive, requirements and manifest in `out`, the manifest last.

    `folder` holds the request's local files; `wheels` says which wheels the version carries; `token` is for the Hub
    alone, and without one huggingface_hub looks for one. The same arguments give the same bytes.

    Raises as `gather` does where there are `wheels`, and:
        SourceError: a file cannot be had.
        IntegrityError: a file is not what the lock says.
        SecretFound: a file holds what looks like a token, or is called like one.
        DiskError: `out` cannot be written.
    """
    if not requirements.is_file():
        hint = "--requirements FILE names the pinned ones; a clone of the repository has them"
        raise UsageError(f"{requirements} is no file", hint=hint)
    require_no_secret(requirements, str(requirements))
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        for name in _STALE:
            (out / name).unlink(missing_ok=True)
        with _workspace(out) as staged:
            house = _gather(wheels, out, staged, progress) if wheels else None
            for repo in lock.repos:
                _stage(repo, fetch_locked(folder, repo, token), staged, progress)
            archive = pack(lock, staged, out / ARCHIVE_NAME, progress)
            (out / REQUIREMENTS_NAME).write_bytes(requirements.read_bytes())
            manifest = _manifest(lock, version, archive, house, out)
            write_atomically(staged / MANIFEST_NAME, manifest.to_bytes())
            (staged / MANIFEST_NAME).replace(out / MANIFEST_NAME)
    return manifest


@contextmanager
def _workspace(out: Path) -> Iterator[Path]:
    """Yield a folder to work in, beside what is made. It is gone afterwards, as is that of a build that was killed."""
    _sweep(out)
    with tempfile.TemporaryDirectory(dir=out, prefix=_STAGED) as folder:
        yield Path(folder)
    _sweep(out)


def _sweep(out: Path) -> None:
    for left in out.glob(f"{_STAGED}*"):
        shutil.rmtree(left, ignore_errors=True)  # a pip that outlived its build may still write there


def _stage(repo: RepoSnapshot, files: Iterable[FetchedFile], staged: Path, progress: Progress) -> None:
    entries = {file.path: file for file in repo.files}
    for done, fetched in enumerate(files, start=1):
        entry = entries[fetched.path]
        blob = staged / layout.blob_path(repo.repo_id, entry.content.digest)
        blob.parent.mkdir(parents=True, exist_ok=True)
        with fetched.file.open("rb") as source, blob.open("wb") as target:
            content = write_hashing(pieces(source), target)
        if content != entry.content:
            hint = "look at what changed, then run: diarize-runner cache resolve"
            raise IntegrityError(f"{repo.repo_id}: {fetched.path} is not what the lock says", hint=hint)
        require_allowed(fetched.path, imports_of(blob, fetched.path), entry.imports)
        progress.advance(f"fetch {repo.repo_id}", completed=done, total=len(entries))


def _gather(wheels: "WheelSources", out: Path, workspace: Path, progress: Progress) -> Wheelhouse:
    from diarize_runner.cache.gather import gather  # it needs `packaging`, which a build without wheels does not

    return gather(wheels, out, workspace, progress)


def _manifest(
    lock: CacheLock, version: str, archive: CacheArchive, house: Wheelhouse | None, out: Path
) -> CacheManifest:
    requirements = PublishedFile(name=REQUIREMENTS_NAME, content=content_of_file(out / REQUIREMENTS_NAME))
    return CacheManifest(
        name=lock.name,
        version=version,
        created_by=f"diarize-runner {__version__}",
        pipeline=lock.pipeline,
        repos=lock.repos,
        archive=archive,
        requirements=requirements,
        wheelhouse=house,
    )
