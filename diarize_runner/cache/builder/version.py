"""Lock -> a folder with the three files of a version, ready to publish."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.cache.builder.archive import pack
from diarize_runner.cache.builder.prepare import prepare
from diarize_runner.cache.builder.secrets import require_no_secret
from diarize_runner.cache.builder.sources import FetchedFile, fetch_locked
from diarize_runner.cache.checkpoint.allow_list import require_allowed
from diarize_runner.cache.documents import layout
from diarize_runner.cache.documents.lock import CacheLock
from diarize_runner.cache.documents.manifest import (
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
)
from diarize_runner.cache.documents.snapshot import FileEntry, RepoSnapshot
from diarize_runner.cache.documents.wheelhouse import PublishedFile, Wheelhouse
from diarize_runner.cache.published.shared_wheels import WHEELS_FOLDER
from diarize_runner.digests import content_of_file
from diarize_runner.disk import disk_errors, flush, flush_above, write_afresh, write_new
from diarize_runner.errors import IntegrityError, UsageError
from diarize_runner.progress import Progress
from diarize_runner.version import __version__

if TYPE_CHECKING:
    from diarize_runner.cache.builder.gather import WheelSources

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
    _require_publishable(requirements)
    with disk_errors(out):
        _make_empty(out)
        with _workspace(out) as staged:
            house = _gather(wheels, out, staged, progress) if wheels else None
            for repo in lock.repos:
                _stage(repo, fetch_locked(folder, repo, token), staged, progress)
            archive = pack(lock, staged, out / ARCHIVE_NAME, progress)
            write_afresh(out / REQUIREMENTS_NAME, requirements.read_bytes())
            manifest = _manifest(lock, version, archive, house, out)
            _flush(out, manifest)
            write_new(staged / MANIFEST_NAME, manifest.to_bytes())
            (staged / MANIFEST_NAME).replace(out / MANIFEST_NAME)
        flush(out)
        flush_above(out)
    return manifest


def _require_publishable(requirements: Path) -> None:
    if not requirements.is_file():
        hint = "--requirements FILE names the pinned ones; a clone of the repository has them"
        raise UsageError(f"{requirements} is no file", hint=hint)
    require_no_secret(requirements, str(requirements))


def _make_empty(out: Path) -> None:
    """Leave nothing of an older build that could be taken for a part of this one."""
    out.mkdir(parents=True, exist_ok=True)
    for name in _STALE:
        (out / name).unlink(missing_ok=True)
    flush(out)


@contextmanager
def _workspace(out: Path) -> Iterator[Path]:
    """Yield a folder to work in, beside what is made. It is gone afterwards, as is that of a build that was killed."""
    _sweep(out)
    with tempfile.TemporaryDirectory(dir=out, prefix=_STAGED) as folder:
        yield Path(folder)
    _sweep(out)


def _flush(out: Path, manifest: CacheManifest) -> None:
    """Wait until all that the manifest names would outlast a power cut: the manifest promises that it is there."""
    for file in manifest.files:
        flush(out / file.name)
    if manifest.wheelhouse:
        for wheel in manifest.wheelhouse.wheels:
            flush(out / WHEELS_FOLDER / wheel.name)
        flush(out / WHEELS_PAGE_NAME)
        flush(out / WHEELS_FOLDER)
    flush(out)


def _sweep(out: Path) -> None:
    for left in out.glob(f"{_STAGED}*"):
        shutil.rmtree(left, ignore_errors=True)  # a pip that outlived its build may still write there


def _stage(repo: RepoSnapshot, files: Iterable[FetchedFile], staged: Path, progress: Progress) -> None:
    entries = {file.path: file for file in repo.files}
    allowed = {name for file in repo.files if file.upstream for name in file.upstream.pickle_names}
    for done, prepared in enumerate(prepare(files, allowed), start=1):
        entry = entries[prepared.entry.path]
        _require_locked(repo.repo_id, prepared.entry, entry)
        blob = staged / layout.blob_path(repo.repo_id, entry.content.digest)
        blob.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(prepared.file, blob)
        progress.advance(f"fetch {repo.repo_id}", completed=done, total=len(entries))


def _require_locked(repo_id: str, found: FileEntry, locked: FileEntry) -> None:
    """Raise IntegrityError or UnsafeCheckpoint when a file is not what the lock says."""
    hint = "look at what changed, then run: diarize-runner cache resolve"
    came, pinned = found.upstream or found, locked.upstream or locked
    if came.content != pinned.content:
        raise IntegrityError(f"{repo_id}: {found.path} is not what the lock says", hint=hint)
    if found.content != locked.content:
        message = f"{repo_id}: {found.path} is not rewritten as the lock says: another release wrote the lock"
        raise IntegrityError(message, hint=hint)
    if (found.upstream and found.upstream.pickle_names) != (locked.upstream and locked.upstream.pickle_names):
        raise IntegrityError(f"{repo_id}: {found.path} holds other names than the lock says", hint=hint)
    require_allowed(found.path, found.class_names, locked.class_names)


def _gather(wheels: "WheelSources", out: Path, workspace: Path, progress: Progress) -> Wheelhouse:
    from diarize_runner.cache.builder.gather import (
        gather,  # it needs `packaging`, which a build without wheels does not
    )

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
