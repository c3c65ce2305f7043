"""Build a version from a lock: a folder with archive, requirements and manifest, ready to publish."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.cache.builder.archive import pack
from diarize_runner.cache.builder.hub import ONLINE_HUB
from diarize_runner.cache.builder.hub_source import HubSource
from diarize_runner.cache.builder.prepare import prepare
from diarize_runner.cache.builder.secrets import require_no_secret
from diarize_runner.cache.builder.sources import FetchedFile, fetch_locked
from diarize_runner.cache.checkpoint.import_allowlist import require_allowed
from diarize_runner.cache.documents import layout
from diarize_runner.cache.documents.environments import EnvironmentImage
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
from diarize_runner.cache.published.shared_files import shared_files
from diarize_runner.digests import hash_file
from diarize_runner.disk import disk_errors, flush, flush_parents, overwrite_file, write_new
from diarize_runner.errors import IntegrityError, UsageError
from diarize_runner.progress import Progress
from diarize_runner.version import __version__

if TYPE_CHECKING:
    from diarize_runner.cache.builder.environment import EnvironmentSources
    from diarize_runner.cache.builder.gather import WheelSources

_STAGED = ".staged-"
_OLD_BUILD_NAMES = (MANIFEST_NAME, SIGNATURE_NAME, INSTALLER_NAME, WHEELS_PAGE_NAME, BOOTSTRAP_NAME, TOOLKIT_NAME)
"""Files of an earlier build to remove; a folder without a manifest is not a version."""


def build(  # noqa: PLR0913  # a version has this many inputs
    lock: CacheLock,
    *,
    folder: Path,
    version: str,
    requirements: Path,
    out: Path,
    progress: Progress,
    hub: HubSource = ONLINE_HUB,
    wheels: "WheelSources | None" = None,
    environment: "EnvironmentSources | None" = None,
) -> CacheManifest:
    """Fetch the files that `lock` pins; write archive, requirements and, last, the manifest to `out`.

    `folder` holds the request's local files; `wheels` selects the wheels that the version carries, and
    `environment` the images, which require wheels. The same arguments give the same bytes.

    Raises the errors of `gather` if `wheels` is given, those of `build_images` if `environment` is given, and:
        UsageError: the lock has no pipeline.
        SourceError: a file cannot be fetched.
        IntegrityError: a file differs from the lock.
        SecretFound: a file holds a token, or has the name of a token file.
        DiskError: `out` cannot be written.
    """
    lock.require_pipeline()
    _require_publishable(requirements)
    with disk_errors(out):
        _remove_old_build(out)
        with _workspace(out) as staged:
            wheelhouse, images = _packages(wheels, environment, out, staged, progress)
            for repo in lock.repos:
                _stage(repo, fetch_locked(folder, repo, hub), staged, progress)
            archive = pack(lock, staged, out / ARCHIVE_NAME, progress)
            overwrite_file(out / REQUIREMENTS_NAME, requirements.read_bytes())
            manifest = replace(_manifest(lock, version, archive, wheelhouse, out), environments=images)
            _flush(out, manifest)
            _write_manifest(manifest, staged, out)
        flush(out)
        flush_parents(out)
    return manifest


def _write_manifest(manifest: CacheManifest, staged: Path, out: Path) -> None:
    """Write the manifest to `out` by a rename: a folder with a manifest is a whole version."""
    write_new(staged / MANIFEST_NAME, manifest.to_bytes())
    (staged / MANIFEST_NAME).replace(out / MANIFEST_NAME)


def _packages(
    wheels: "WheelSources | None",
    environment: "EnvironmentSources | None",
    out: Path,
    staged: Path,
    progress: Progress,
) -> tuple[Wheelhouse | None, tuple[EnvironmentImage, ...]]:
    """Gather the wheels and build the images that were asked for."""
    wheelhouse = _gather(wheels, out, staged, progress) if wheels else None
    if wheelhouse and environment:
        return _build_images(environment, wheelhouse, out, staged, progress)
    return wheelhouse, ()


def _require_publishable(requirements: Path) -> None:
    if not requirements.is_file():
        hint = "give pinned requirements, as in a clone of the repository: --requirements FILE"
        raise UsageError(f"{requirements} is not a file", hint=hint)
    require_no_secret(requirements, str(requirements))


def _remove_old_build(out: Path) -> None:
    """Create `out`, and remove the files of an older build from it."""
    out.mkdir(parents=True, exist_ok=True)
    for name in _OLD_BUILD_NAMES:
        (out / name).unlink(missing_ok=True)
    flush(out)


@contextmanager
def _workspace(out: Path) -> Iterator[Path]:
    """Yield a temporary folder in `out`; remove it afterwards, and those of killed builds."""
    _remove_workspaces(out)
    with tempfile.TemporaryDirectory(dir=out, prefix=_STAGED) as folder:
        yield Path(folder)
    _remove_workspaces(out)


def _flush(out: Path, manifest: CacheManifest) -> None:
    """Flush every file that the manifest names: the manifest promises that they exist, even after a power cut."""
    for file in manifest.files:
        flush(out / file.name)
    shared = shared_files(manifest)
    for path in (*(each.path for each in shared), *sorted({each.folder for each in shared})):
        flush(out / path)
    flush(out)


def _remove_workspaces(out: Path) -> None:
    for workspace in out.glob(f"{_STAGED}*"):
        shutil.rmtree(workspace, ignore_errors=True)  # the pip of a killed build may still write there


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
    """Raise IntegrityError or UnsafeCheckpoint if a file differs from the lock."""
    hint = "check what changed, then run: diarize-runner cache resolve"
    upstream, pinned = found.upstream or found, locked.upstream or locked
    if upstream.content != pinned.content:
        raise IntegrityError(f"{repo_id}: {found.path} differs from the lock", hint=hint)
    if found.content != locked.content:
        message = f"{repo_id}: {found.path} is rewritten differently from the lock: another release wrote the lock"
        raise IntegrityError(message, hint=hint)
    if (found.upstream and found.upstream.pickle_names) != (locked.upstream and locked.upstream.pickle_names):
        raise IntegrityError(f"{repo_id}: {found.path} imports other names than the lock lists", hint=hint)
    require_allowed(found.path, found.class_names, locked.class_names)


def _gather(wheels: "WheelSources", out: Path, workspace: Path, progress: Progress) -> Wheelhouse:
    from diarize_runner.cache.builder.gather import gather  # needs `packaging`; a build without wheels does not

    return gather(wheels, out, workspace, progress)


def _build_images(
    sources: "EnvironmentSources", house: Wheelhouse, out: Path, workspace: Path, progress: Progress
) -> tuple[Wheelhouse, tuple[EnvironmentImage, ...]]:
    """Build the images, and list them on the page of the wheels."""
    from diarize_runner.cache.builder.environment import build_images  # needs `packaging`
    from diarize_runner.cache.builder.gather import write_page

    images = build_images(sources, house, out, workspace, progress)
    return replace(house, page=write_page(out, house.wheels, images)), images


def _manifest(
    lock: CacheLock, version: str, archive: CacheArchive, wheelhouse: Wheelhouse | None, out: Path
) -> CacheManifest:
    requirements = PublishedFile(name=REQUIREMENTS_NAME, content=hash_file(out / REQUIREMENTS_NAME))
    return CacheManifest(
        name=lock.name,
        version=version,
        created_by=f"diarize-runner {__version__}",
        pipeline=lock.require_pipeline(),
        repos=lock.repos,
        archive=archive,
        requirements=requirements,
        wheelhouse=wheelhouse,
    )
