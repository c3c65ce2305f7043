"""The wheels of a store, which all its versions share: `wheels/sha256/<digest>/<file>.whl`.

A version that carries wheels has a page of links to them, `vVERSION/wheels.html`. It is more than a convenience: a
publish creates it before it looks at any wheel, so it tells every prune what is relied on, while the manifest is still
to come. And a prune leaves a mark in the store while it takes wheels away, which every publish looks for:

    publish   creates its page      then looks for the mark, and stops if it is there      then looks for each wheel
    prune     sets the mark         then reads every page          then deletes what none names          mark away

Whichever writes first is seen by the other. If the page was there before the prune read the pages, its wheels stay. If
not, the publish looked for the mark after that, and so after it was set: either it stops, or the prune had ended, and
what it took is seen to be lacking and is created again. This asks of the store that what was written is found at once,
as S3 and a folder promise; on a server that does not, prune when nobody publishes. Nothing keeps two prunes apart.

A prune that was killed leaves its mark, and the next one takes it away. A publish that was killed leaves its page, so
that its wheels wait for the publish that finishes it.
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
from diarize_runner.errors import IntegrityError, ObjectExists, ObjectNotFound, StoreError, SwapLost
from diarize_runner.parallel import Job, side_by_side
from diarize_runner.progress import Progress
from diarize_runner.store.protocol import WritableArchiveStore

WHEELS_FOLDER = "wheels"
_WHEEL_KEY = re.compile(rf"{WHEELS_FOLDER}/sha256/([0-9a-f]{{64}})/[^/]+\.whl")
_LINKED = re.compile(rf'href="\.\./{WHEELS_FOLDER}/sha256/([0-9a-f]{{64}})/')
_MARK = f"{WHEELS_FOLDER}/pruning"
_MARK_SAYS = b"cache prune takes wheels away. If none is at work, one was killed: run it again.\n"


def wheel_key(wheel: PublishedFile) -> str:
    """Return where a wheel lies in a store."""
    return f"{WHEELS_FOLDER}/sha256/{wheel.content.digest.hex}/{wheel.name}"


def render_page(wheels: Iterable[PublishedFile]) -> bytes:
    """Return the page that pip and uv read with --find-links, as it lies in the folder of a version."""
    links = [
        f'<a href="../{quote(wheel_key(wheel))}#sha256={wheel.content.digest.hex}">{wheel.name}</a><br>\n'
        for wheel in wheels
    ]
    return "".join(["<!DOCTYPE html>\n<title>Wheels</title>\n", *links]).encode()


def share(wheels: Iterable[PublishedFile], folder: Path, store: WritableArchiveStore, progress: Progress) -> None:
    """Have every wheel of `folder` in the store. The page that names them is there already.

    One that is there is left alone, and only its size is looked at: its name says what it holds, whoever reads it
    checks that, and to read it all again would cost as much as to write it.

    Raises:
        StoreError: a prune is taking wheels away.
        IntegrityError: what is there is not as long as the wheel.
    """
    if _is_there(store, _MARK):
        hint = "run again when it is done; if it was killed, run it again first: diarize-runner cache prune"
        raise StoreError(f"{store.url}: a prune is taking wheels away", hint=hint)
    jobs = [
        Job(work=partial(_create_once, store, wheel, folder / wheel.name), share=wheel.content.size) for wheel in wheels
    ]
    side_by_side("publish wheels", jobs, progress)


def unclaimed(store: WritableArchiveStore, without: Collection[str] = ()) -> tuple[str, ...]:
    """Return the keys of the wheels that no version's page names, in order, as if the versions `without` were gone."""
    claimed = set(_claimed(store, {version_key(version, WHEELS_PAGE_NAME) for version in without}))
    keys = store.keys(f"{WHEELS_FOLDER}/")
    return tuple(sorted(key for key in keys if (match := _WHEEL_KEY.fullmatch(key)) and match[1] not in claimed))


def take_away(store: WritableArchiveStore, planned: Collection[str]) -> tuple[str, ...]:
    """Delete those of the `planned` wheels that still no page names; return which those were."""
    if not planned and not _is_there(store, _MARK):
        return ()
    with _marked(store):
        taken = tuple(key for key in unclaimed(store) if key in planned)
        for key in taken:
            store.delete(key)
    return taken


@contextmanager
def _marked(store: WritableArchiveStore) -> Iterator[None]:
    """Keep every publish off the wheels meanwhile."""
    with suppress(SwapLost):  # a prune that was killed left it
        store.swap(_MARK, _MARK_SAYS, expected=None)
    try:
        yield
    finally:
        store.delete(_MARK)


def _claimed(store: WritableArchiveStore, left_out: Collection[str]) -> Iterator[str]:
    """Yield the digests of the wheels that the pages of versions name, finished or not."""
    for key in store.keys("v"):
        _, _, name = key.partition("/")
        if name == WHEELS_PAGE_NAME and key not in left_out:
            with suppress(ObjectNotFound):
                yield from _LINKED.findall(store.read(key).data.decode())


def _create_once(store: WritableArchiveStore, wheel: PublishedFile, source: Path) -> None:
    key = wheel_key(wheel)
    with suppress(ObjectExists):
        store.create(key, source)
    if store.size(key) != wheel.content.size:
        hint = "it was altered or cut short: delete it from the store, then publish again"
        raise IntegrityError(f"{store.url}: {key} is not as long as the wheel it is called after", hint=hint)


def _is_there(store: WritableArchiveStore, key: str) -> bool:
    try:
        store.size(key)
    except ObjectNotFound:
        return False
    return True
