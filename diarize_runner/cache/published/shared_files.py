"""Wheels and images that all versions of a store share: `wheels/sha256/<digest>/<file>`, `environments/sha256/...`.

A version with wheels has a page of links to its shared files, `vVERSION/wheels.html`. `publish` creates the page before
it checks any of them, so the page protects them from `prune` while there is no manifest yet. `prune` writes a mark to
the store while it deletes shared files, and `publish` stops when it finds the mark:

    publish   create the page   ->  stop if the mark exists  ->  create missing files
    prune     create the mark   ->  read every page          ->  delete unreferenced files  ->  delete the mark

If the page exists before `prune` reads the pages, its files stay. If it is created later, the mark exists already when
`publish` checks for it: then `publish` stops, or, if `prune` has ended, it uploads the deleted files again.
This requires read-after-write consistency, as S3 and a local folder have; on other servers, prune only while nobody
publishes. Run only one `prune` at a time: the first to finish deletes the mark of the other.

The next `prune` deletes the mark of a killed one. A killed `publish` leaves its page. `prune` keeps the files on that
page, and a later `publish` can complete the version.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

from diarize_runner.cache.documents.environments import EnvironmentImage
from diarize_runner.cache.documents.manifest import WHEELS_PAGE_NAME, CacheManifest
from diarize_runner.cache.documents.wheelhouse import PublishedFile
from diarize_runner.cache.published.keys import version_key
from diarize_runner.errors import IntegrityError, ObjectExists, ObjectNotFound, StoreError, SwapConflict
from diarize_runner.parallel import Job, run_parallel
from diarize_runner.progress import Progress
from diarize_runner.store.protocol import WritableArchiveStore

WHEELS_FOLDER, IMAGES_FOLDER = "wheels", "environments"
_KEY = re.compile(
    rf"(?:{WHEELS_FOLDER}/sha256/[0-9a-f]{{64}}/[^/]+\.whl|{IMAGES_FOLDER}/sha256/[0-9a-f]{{64}}/[^/]+\.squashfs)"
)
_LINK = re.compile(rf'href="\.\./((?:{WHEELS_FOLDER}|{IMAGES_FOLDER})/sha256/[0-9a-f]{{64}})/')
_PRUNE_MARK = f"{WHEELS_FOLDER}/pruning"
"""Release 0.1.0 knows this key: it marks the deletion of images, too."""
_PRUNE_MARK_TEXT = b"cache prune is deleting wheels or images. If none is running, one was killed: run it again.\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedFile:
    """A file that is stored once for all versions, under its digest."""

    folder: str
    """Its folder in a store and in a built version: `WHEELS_FOLDER` or `IMAGES_FOLDER`."""
    file: PublishedFile

    @property
    def key(self) -> str:
        """The key in a store."""
        return f"{self.folder}/sha256/{self.file.content.digest.hex}/{self.file.name}"

    @property
    def path(self) -> str:
        """The path in a built version."""
        return f"{self.folder}/{self.file.name}"


def shared_files(manifest: CacheManifest) -> tuple[SharedFile, ...]:
    """Return the wheels and the images of a version, in the order of its page."""
    return _shared(manifest.wheelhouse.wheels if manifest.wheelhouse else (), manifest.environments)


def wheel_key(wheel: PublishedFile) -> str:
    """Return the key of a wheel in a store."""
    return SharedFile(folder=WHEELS_FOLDER, file=wheel).key


def image_key(image: EnvironmentImage) -> str:
    """Return the key of an image in a store."""
    return SharedFile(folder=IMAGES_FOLDER, file=image.file).key


def render_page(wheels: Iterable[PublishedFile], images: Iterable[EnvironmentImage] = ()) -> bytes:
    """Return a version's page of links, for pip and uv with --find-links; both ignore links to images."""
    links = [
        f'<a href="../{quote(shared.key)}#sha256={shared.file.content.digest.hex}">{shared.file.name}</a><br>\n'
        for shared in _shared(wheels, images)
    ]
    return "".join(["<!DOCTYPE html>\n<title>Wheels</title>\n", *links]).encode()


def _shared(wheels: Iterable[PublishedFile], images: Iterable[EnvironmentImage]) -> tuple[SharedFile, ...]:
    return (
        *(SharedFile(folder=WHEELS_FOLDER, file=wheel) for wheel in wheels),
        *(SharedFile(folder=IMAGES_FOLDER, file=image.file) for image in images),
    )


def publish_shared_files(
    files: Iterable[SharedFile], folder: Path, store: WritableArchiveStore, progress: Progress
) -> None:
    """Upload the files of `folder` that the store lacks; the page that links to them must exist already.

    For a file that exists already, only the size is checked. Readers verify the digest in its key, and downloading
    the file to hash it here would cost as much as an upload.

    Raises:
        StoreError: a prune is deleting shared files.
        IntegrityError: an existing file has a different size.
    """
    require_no_prune(store)
    jobs = [
        Job(work=partial(_create, store, shared, folder / shared.path), size=shared.file.content.size)
        for shared in files
    ]
    run_parallel("publish wheels and images", jobs, progress)


def require_no_prune(store: WritableArchiveStore) -> None:
    """Raise StoreError while a prune is deleting shared files."""
    if _exists(store, _PRUNE_MARK):
        hint = "run again after it finishes; if it was killed, first run: diarize-runner cache prune"
        raise StoreError(f"{store.url}: a prune is deleting wheels or images", hint=hint)


def find_unreferenced(store: WritableArchiveStore, ignored_versions: Collection[str] = ()) -> tuple[str, ...]:
    """Return the sorted keys of the shared files that no page links to, except pages of `ignored_versions`."""
    referenced = set(_read_references(store, {version_key(version, WHEELS_PAGE_NAME) for version in ignored_versions}))
    keys = [key for folder in (WHEELS_FOLDER, IMAGES_FOLDER) for key in store.keys(f"{folder}/")]
    return tuple(sorted(key for key in keys if _KEY.fullmatch(key) and key.rpartition("/")[0] not in referenced))


def delete_shared_files(store: WritableArchiveStore, planned: Collection[str]) -> tuple[str, ...]:
    """Delete those `planned` files that no page links to now; return their keys."""
    if not planned and not _exists(store, _PRUNE_MARK):
        return ()
    with _prune_mark(store):
        deleted = tuple(key for key in find_unreferenced(store) if key in planned)
        for key in deleted:
            store.delete(key)
    return deleted


@contextmanager
def _prune_mark(store: WritableArchiveStore) -> Iterator[None]:
    """Make every `publish` stop while the `with` block runs."""
    with suppress(SwapConflict):  # left by a killed prune
        store.swap(_PRUNE_MARK, _PRUNE_MARK_TEXT, expected=None)
    try:
        yield
    finally:
        store.delete(_PRUNE_MARK)


def _read_references(store: WritableArchiveStore, ignored_pages: Collection[str]) -> Iterator[str]:
    """Yield the folders of the files that version pages link to, including unfinished versions."""
    for key in store.keys("v"):
        _, _, name = key.partition("/")
        if name == WHEELS_PAGE_NAME and key not in ignored_pages:
            with suppress(ObjectNotFound):
                yield from _LINK.findall(store.read(key).data.decode())


def _create(store: WritableArchiveStore, shared: SharedFile, source: Path) -> None:
    with suppress(ObjectExists):
        store.create(shared.key, source)
    if store.size(shared.key) != shared.file.content.size:
        hint = "delete it from the store, then publish again: it was changed or truncated"
        raise IntegrityError(f"{store.url}: {shared.key} differs in size from the one to publish", hint=hint)


def _exists(store: WritableArchiveStore, key: str) -> bool:
    try:
        store.size(key)
    except ObjectNotFound:
        return False
    return True
