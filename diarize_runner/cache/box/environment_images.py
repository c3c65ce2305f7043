"""Fetch the images of a version's packages to a folder on a box, which mounts them.

An image is written under a temporary name and hashed while it is written. It gets its name, `<digest>.squashfs`, when
all of it has arrived and has the digest of the manifest. After a kill or a store error, the next run resumes.
"""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from diarize_runner.cache.box.read_ahead import StoredObject
from diarize_runner.cache.box.synced_folder import SyncedFolder
from diarize_runner.cache.box.verify import has_content
from diarize_runner.cache.documents.environments import EnvironmentImage
from diarize_runner.cache.published.find import PublishedVersion, VersionQuery, find_version
from diarize_runner.cache.published.shared_files import image_key
from diarize_runner.digests import Digest, iter_chunks, write_and_hash
from diarize_runner.disk import disk_errors, flush, flush_file, flush_parents, open_for_resuming
from diarize_runner.errors import DiskError, IntegrityError, StoreError
from diarize_runner.progress import Progress
from diarize_runner.store.protocol import ArchiveStore

_SUFFIX, _INCOMPLETE = ".squashfs", ".incomplete"
_READ_ONLY = 0o444
_AGAIN = "delete it from the store and publish again: it was altered or truncated after it was published"


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageQuery:
    """The images to fetch."""

    version: VersionQuery
    python: str
    """Such as `3.11`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImagePlan:
    """The images of a version for one Python, sorted by name; empty if it has none."""

    published: PublishedVersion
    images: tuple[EnvironmentImage, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchedImages:
    """The images of a version for one Python, in a folder."""

    plan: ImagePlan
    fetched: tuple[EnvironmentImage, ...]
    """Those fetched from the store."""
    moved: int
    """Bytes fetched from the store."""


def plan_images(store: ArchiveStore, query: ImageQuery) -> ImagePlan:
    """Find the images for a Python, and write nothing. Raises the errors of `find_version`."""
    published = find_version(store, query.version)
    images = tuple(image for image in published.manifest.environments if image.python == query.python)
    return ImagePlan(published=published, images=images)


def image_file_name(digest: Digest) -> str:
    """Return the name of an image in a folder on a box."""
    return f"{digest.hex}{_SUFFIX}"


def fetch_images(store: ArchiveStore, query: ImageQuery, folder: SyncedFolder, progress: Progress) -> FetchedImages:
    """Fetch the images of a version for one Python to `folder`; other images in it stay.

    Raises the errors of `find_version`, and:
        StoreError: the version has no image for that Python, or the store cannot be read. The next run resumes.
        IntegrityError: an image in the store does not match the manifest; nothing of it stays.
        DiskError: a write failed.
    """
    plan = plan_images(store, query)
    if not plan.images:
        hint = f"build a new version with them: diarize-runner cache build --with-environment --python {query.python}"
        version = plan.published.manifest.version
        raise StoreError(f"{store.url}: version {version} has no images for Python {query.python}", hint=hint)
    with disk_errors(folder.root), folder.locked():
        missing = _missing(plan.images, folder.root)
        _remove_leftovers(plan.images, folder)
        _require_space(folder.root, missing)
        moved = sum(_fetch(store, image, folder.root, progress) for image in missing)
        if missing:
            flush(folder.root)
            flush_parents(folder.root)
        folder.record_serial(plan.published.serial)
    return FetchedImages(plan=plan, fetched=missing, moved=moved)


def _missing(images: Iterable[EnvironmentImage], root: Path) -> tuple[EnvironmentImage, ...]:
    return tuple(image for image in images if not has_content(_path(root, image), image.file.content))


def _path(root: Path, image: EnvironmentImage) -> Path:
    return root / image_file_name(image.file.content.digest)


def _partial_path(root: Path, image: EnvironmentImage) -> Path:
    return root / f".{image_file_name(image.file.content.digest)}{_INCOMPLETE}"


def _remove_leftovers(images: Iterable[EnvironmentImage], folder: SyncedFolder) -> None:
    """Remove the temporary files of killed runs, except those that this run resumes."""
    folder.remove_leftovers()
    resumed = {_partial_path(folder.root, image) for image in images}
    for path in {*folder.root.glob(f".*{_SUFFIX}{_INCOMPLETE}")} - resumed:
        path.unlink(missing_ok=True)


def _require_space(root: Path, images: Iterable[EnvironmentImage]) -> None:
    needed = sum(image.file.content.size - _size(_partial_path(root, image)) for image in images)
    free = shutil.disk_usage(root).free
    if needed > free:
        message = f"{root}: the images need {needed:,} bytes and the disk has {free:,} left"
        raise DiskError(message, hint="free some space, or fetch --into another disk; nothing was written")


def _size(path: Path) -> int:
    return path.lstat().st_size if path.is_file() and not path.is_symlink() else 0


def _fetch(store: ArchiveStore, image: EnvironmentImage, root: Path, progress: Progress) -> int:
    """Fetch an image, or the rest of it; return the number of bytes fetched."""
    partial_file, content = _partial_path(root, image), image.file.content
    stored = StoredObject(store=store, key=image_key(image), size=content.size)
    with disk_errors(partial_file), open_for_resuming(partial_file) as file:
        kept = min(file.tell(), content.size)
        moved = content.size - kept
        if _receive(stored, file, kept, progress) != content.digest:
            # The kept bytes may be damaged.
            if not kept or _receive(stored, file, 0, progress) != content.digest:
                partial_file.unlink()
                raise IntegrityError(f"{store.url}/{stored.key} does not match the digest in its name", hint=_AGAIN)
            moved += content.size
        partial_file.chmod(_READ_ONLY)
        flush_file(file)
        partial_file.replace(_path(root, image))
    return moved


def _receive(stored: StoredObject, file: BinaryIO, kept: int, progress: Progress) -> Digest:
    """Append the rest of an object to `file`, which holds its first `kept` bytes; return the digest of all of it."""
    file.truncate(kept)
    file.seek(0)
    data = _reporting(stored.read(kept), stored, kept, progress)
    return write_and_hash(data, file, after=iter_chunks(file)).digest


def _reporting(data: Iterable[bytes], stored: StoredObject, kept: int, progress: Progress) -> Iterator[bytes]:
    completed = kept
    for piece in data:
        yield piece
        completed += len(piece)
        progress.advance("fetch", completed=completed, total=stored.size)
