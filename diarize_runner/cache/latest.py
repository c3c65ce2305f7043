"""The one thing in a store that changes: which version is the latest."""

from contextlib import suppress
from dataclasses import dataclass

from diarize_runner.cache.manifest import (
    ARCHIVE_NAME,
    BOOTSTRAP_NAME,
    MANIFEST_NAME,
    REQUIREMENTS_NAME,
    CacheManifest,
    PublishedFile,
)
from diarize_runner.cache.pointer import Pointer
from diarize_runner.cache.store import ArchiveStore, StoredDocument, WritableArchiveStore, latest_key, version_key
from diarize_runner.digests import content_of
from diarize_runner.errors import ObjectNotFound

_POINTER = latest_key(MANIFEST_NAME)


@dataclass(frozen=True, kw_only=True, slots=True)
class Latest:
    """What `latest` names now."""

    pointer: Pointer
    changed: bool
    """False when it named this version already."""


def read_latest(store: ArchiveStore) -> Pointer | None:
    """Return the pointer, or None when nothing was published yet."""
    document = _document(store)
    return Pointer.from_bytes(document.data, f"{store.url}/{_POINTER}") if document else None


def move_latest(store: WritableArchiveStore, manifest: CacheManifest) -> Latest:
    """Make `latest` name a version that is in the store: the pointer by compare-and-swap, then the copies beside it.

    The copies are for people with curl; whoever reads by the pointer never sees them. A run that was killed
    between the two is finished by the next one, whichever version that publishes.

    Raises:
        SwapLost: somebody else moved it at the same time.
    """
    before = _document(store)
    current = Pointer.from_bytes(before.data, f"{store.url}/{_POINTER}") if before else None
    wanted = _pointer_to(manifest, current)
    if wanted != current:
        store.swap(_POINTER, wanted.to_bytes(), expected=before)
    _copy_beside(store, wanted)
    return Latest(pointer=wanted, changed=wanted != current)


def _copy_beside(store: WritableArchiveStore, pointer: Pointer) -> None:
    """Make the copies those of the version that the pointer names, and again while somebody moves it meanwhile.

    So whoever of several is the last to copy has seen the last pointer, and copies what that names.
    """
    copied = None
    while copied != pointer:
        for name in (ARCHIVE_NAME, REQUIREMENTS_NAME):
            store.copy(version_key(pointer.version, name), latest_key(name))
        with suppress(ObjectNotFound):  # not every version carries it
            store.copy(version_key(pointer.version, BOOTSTRAP_NAME), latest_key(BOOTSTRAP_NAME))
        copied, pointer = pointer, read_latest(store) or pointer


def _document(store: ArchiveStore) -> StoredDocument | None:
    with suppress(ObjectNotFound):
        return store.read(_POINTER)
    return None


def _pointer_to(manifest: CacheManifest, current: Pointer | None) -> Pointer:
    """Return the pointer to `manifest`: the one that is there if it names it already, else with the next serial."""
    key = version_key(manifest.version, MANIFEST_NAME)
    target = PublishedFile(name=key, content=content_of(manifest.to_bytes()))
    if current and current.manifest == target:
        return current
    return Pointer(
        serial=current.serial + 1 if current else 1,
        version=manifest.version,
        previous=current.version if current else None,
        manifest=target,
    )
