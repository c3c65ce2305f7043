"""Wheels that all versions of a store share: `wheels/sha256/<digest>/<file>.whl`.

A version with wheels has a page of links to them, `vVERSION/wheels.html`. `publish` creates the page before it checks
any wheel, so the page protects its wheels from `prune` while there is no manifest yet. `prune` writes a mark to the
store while it deletes wheels, and `publish` stops when it finds the mark:

    publish   create the page   ->  stop if the mark exists  ->  create missing wheels
    prune     create the mark   ->  read every page          ->  delete unreferenced wheels  ->  delete the mark

If the page exists before `prune` reads the pages, its wheels stay. If it is created later, the mark exists already when
`publish` checks for it: then `publish` stops, or, if `prune` has ended, it uploads the deleted wheels again.
This requires read-after-write consistency, as S3 and a local folder have; on other servers, prune only while nobody
publishes. Run only one `prune` at a time: the first to finish deletes the mark of the other.

The next `prune` deletes the mark of a killed one. A killed `publish` leaves its page. `prune` keeps the wheels on that
page, and a later `publish` can complete the version.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from urllib.parse import quote

from diarize_runner.cache.documents.manifest import WHEELS_PAGE_NAME
from diarize_runner.cache.documents.wheelhouse import PublishedFile
from diarize_runner.cache.published.keys import version_key
from diarize_runner.errors import IntegrityError, ObjectExists, ObjectNotFound, StoreError, SwapConflict
from diarize_runner.parallel import Job, run_parallel
from diarize_runner.progress import Progress
from diarize_runner.store.protocol import WritableArchiveStore

WHEELS_FOLDER = "wheels"
_WHEEL_KEY = re.compile(rf"{WHEELS_FOLDER}/sha256/([0-9a-f]{{64}})/[^/]+\.whl")
_WHEEL_LINK = re.compile(rf'href="\.\./{WHEELS_FOLDER}/sha256/([0-9a-f]{{64}})/')
_PRUNE_MARK = f"{WHEELS_FOLDER}/pruning"
_PRUNE_MARK_TEXT = b"cache prune is deleting wheels. If none is running, one was killed: run it again.\n"


def wheel_key(wheel: PublishedFile) -> str:
    """Return the key of a wheel in a store."""
    return f"{WHEELS_FOLDER}/sha256/{wheel.content.digest.hex}/{wheel.name}"


def render_page(wheels: Iterable[PublishedFile]) -> bytes:
    """Return a version's page of links, for pip and uv with --find-links."""
    links = [
        f'<a href="../{quote(wheel_key(wheel))}#sha256={wheel.content.digest.hex}">{wheel.name}</a><br>\n'
        for wheel in wheels
    ]
    return "".join(["<!DOCTYPE html>\n<title>Wheels</title>\n", *links]).encode()


def publish_wheels(
    wheels: Iterable[PublishedFile], folder: Path, store: WritableArchiveStore, progress: Progress
) -> None:
    """Upload the wheels of `folder` that the store lacks; the page that links to them must exist already.

    For a wheel that exists already, only the size is checked. Readers verify the digest in its key, and downloading
    the wheel to hash it here would cost as much as an upload.

    Raises:
        StoreError: a prune is deleting wheels.
        IntegrityError: an existing wheel has a different size.
    """
    require_no_prune(store)
    jobs = [
        Job(work=partial(_create_wheel, store, wheel, folder / wheel.name), size=wheel.content.size) for wheel in wheels
    ]
    run_parallel("publish wheels", jobs, progress)


def require_no_prune(store: WritableArchiveStore) -> None:
    """Raise StoreError while a prune is deleting wheels."""
    if _exists(store, _PRUNE_MARK):
        hint = "run again after it finishes; if it was killed, first run: diarize-runner cache prune"
        raise StoreError(f"{store.url}: a prune is deleting wheels", hint=hint)


def find_unreferenced_wheels(store: WritableArchiveStore, ignored_versions: Collection[str] = ()) -> tuple[str, ...]:
    """Return the sorted keys of the wheels that no page links to, except pages of `ignored_versions`."""
    referenced = set(
        _read_referenced_digests(store, {version_key(version, WHEELS_PAGE_NAME) for version in ignored_versions})
    )
    keys = store.keys(f"{WHEELS_FOLDER}/")
    return tuple(sorted(key for key in keys if (match := _WHEEL_KEY.fullmatch(key)) and match[1] not in referenced))


def delete_wheels(store: WritableArchiveStore, planned: Collection[str]) -> tuple[str, ...]:
    """Delete those `planned` wheels that no page links to now; return their keys."""
    if not planned and not _exists(store, _PRUNE_MARK):
        return ()
    with _prune_mark(store):
        deleted = tuple(key for key in find_unreferenced_wheels(store) if key in planned)
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


def _read_referenced_digests(store: WritableArchiveStore, ignored_pages: Collection[str]) -> Iterator[str]:
    """Yield the digests of the wheels that version pages link to, including unfinished versions."""
    for key in store.keys("v"):
        _, _, name = key.partition("/")
        if name == WHEELS_PAGE_NAME and key not in ignored_pages:
            with suppress(ObjectNotFound):
                yield from _WHEEL_LINK.findall(store.read(key).data.decode())


def _create_wheel(store: WritableArchiveStore, wheel: PublishedFile, source: Path) -> None:
    key = wheel_key(wheel)
    with suppress(ObjectExists):
        store.create(key, source)
    if store.size(key) != wheel.content.size:
        hint = "delete it from the store, then publish again: it was changed or truncated"
        raise IntegrityError(f"{store.url}: {key} does not have the size of the wheel", hint=hint)


def _exists(store: WritableArchiveStore, key: str) -> bool:
    try:
        store.size(key)
    except ObjectNotFound:
        return False
    return True
