"""The one thing in a store that changes: which version is the latest."""

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diarize_runner.cache.documents.manifest import (
    ARCHIVE_NAME,
    BOOTSTRAP_NAME,
    MANIFEST_NAME,
    REQUIREMENTS_NAME,
    CacheManifest,
)
from diarize_runner.cache.documents.pointer import LARGEST_SERIAL, Pointer
from diarize_runner.cache.documents.wheelhouse import PublishedFile
from diarize_runner.cache.published.keys import LARGEST_POINTER, latest_key, version_key
from diarize_runner.cache.published.signature import has_signed
from diarize_runner.digests import content_of
from diarize_runner.errors import ObjectNotFound, StoreError, UsageError
from diarize_runner.store.protocol import ArchiveStore, StoredDocument, WritableArchiveStore

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

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


def move_latest(store: WritableArchiveStore, manifest: CacheManifest, key: "Ed25519PrivateKey | None") -> Latest:
    """Make `latest` name a version that is in the store: the pointer by compare-and-swap, then the copies beside it.

    With a `key` the pointer is signed. Then nothing of what is there is believed that the key did not sign, but its
    serial, which has to rise.

    The copies are for people with curl; whoever reads by the pointer never sees them. A run that was killed
    between the two is finished by the next one, whichever version that publishes.

    Raises:
        SwapLost: somebody else moved it at the same time.
        UsageError: `latest` is signed, and there is no key to sign the next one with.
        StoreError: there is no higher serial.
    """
    before = _document(store)
    current = Pointer.from_bytes(before.data, f"{store.url}/{_POINTER}") if before else None
    if current and current.signature and not key:
        hint = "boxes that hold its key refuse an unsigned one: say --sign KEY"
        raise UsageError(f"{store.url}: latest is signed, and the next one would not be", hint=hint)
    wanted = _pointer_to(store.url, manifest, current, key)
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
        return store.read(_POINTER, LARGEST_POINTER)
    return None


def _pointer_to(url: str, manifest: CacheManifest, current: Pointer | None, key: "Ed25519PrivateKey | None") -> Pointer:
    """Return the pointer to `manifest`: the one that is there if it names it already, else with the next serial."""
    name = version_key(manifest.version, MANIFEST_NAME)
    target = PublishedFile(name=name, content=content_of(manifest.to_bytes()))
    believed = current if not key or (current and _has_signed(key, current)) else None
    if believed and believed.manifest == target:
        return believed
    pointer = Pointer(
        serial=_after(url, current.serial) if current else 1,
        version=manifest.version,
        previous=believed.version if believed else None,
        manifest=target,
    )
    return pointer.signed(key.sign) if key else pointer


def _has_signed(key: "Ed25519PrivateKey", pointer: Pointer) -> bool:
    return bool(pointer.signature) and has_signed(key, pointer.signed_bytes(), bytes.fromhex(pointer.signature))


def _after(url: str, serial: int) -> int:
    if serial >= LARGEST_SERIAL:
        hint = f"somebody set it so high: delete {_POINTER} and publish again; boxes then follow with --allow-older"
        raise StoreError(f"{url}: latest has serial {serial:,}, and there is none after it", hint=hint)
    return serial + 1
