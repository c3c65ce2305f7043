"""Read and move the pointer to the latest version, the only mutable object of a store."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.cache.documents.manifest import (
    ARCHIVE_NAME,
    BOOTSTRAP_NAME,
    MANIFEST_NAME,
    REQUIREMENTS_NAME,
    CacheManifest,
)
from diarize_runner.cache.documents.pointer import MAX_SERIAL, Pointer
from diarize_runner.cache.documents.wheelhouse import PublishedFile
from diarize_runner.cache.published.keys import MAX_POINTER_BYTES, latest_key, version_key
from diarize_runner.cache.published.signature import is_signed_by, require_signature
from diarize_runner.digests import hash_bytes
from diarize_runner.errors import IntegrityError, ObjectNotFound, StoreError, UsageError
from diarize_runner.store.protocol import ArchiveStore, StoredDocument, WritableArchiveStore

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_POINTER = latest_key(MANIFEST_NAME)


@dataclass(frozen=True, kw_only=True, slots=True)
class Latest:
    """The pointer after a move."""

    pointer: Pointer
    changed: bool
    """False when it already named this version."""


def read_latest(store: ArchiveStore) -> Pointer | None:
    """Return the pointer, or None when nothing was published yet."""
    document = _read_document(store)
    return Pointer.from_bytes(document.data, f"{store.url}/{_POINTER}") if document else None


def move_latest(store: WritableArchiveStore, manifest: CacheManifest, key: "Ed25519PrivateKey | None") -> Latest:
    """Point `latest` to a version in the store: swap the pointer, then update the copies beside it.

    A `key` signs the pointer. Of a current pointer not signed with that key, only the serial counts: it must rise.

    The copies serve downloads with curl; restores do not read them. If a run is killed in between, the next publish of
    any version updates them.

    Raises:
        SwapConflict: another writer moved the pointer at the same time.
        UsageError: `latest` is signed, but `key` is None.
        StoreError: the serial has reached its maximum.
    """
    before = _read_document(store)
    current = Pointer.from_bytes(before.data, f"{store.url}/{_POINTER}") if before else None
    if current and current.signature and not key:
        hint = "pass --sign KEY: boxes with its public key refuse an unsigned latest"
        raise UsageError(f"{store.url}: latest is signed, but the next one would not be", hint=hint)
    pointer = _make_pointer(store.url, manifest, current, key)
    if pointer != current:
        store.swap(_POINTER, pointer.to_bytes(), expected=before)
    _update_copies(store, pointer)
    return Latest(pointer=pointer, changed=pointer != current)


def require_signed_pointer(store: ArchiveStore, pointer: Pointer, public_key: Path) -> None:
    """Raise IntegrityError unless `public_key` verifies the signature of the store's pointer."""
    if not pointer.signature:
        hint = "publish the version again with cache publish --sign KEY, or pass --version VERSION"
        raise IntegrityError(f"{store.url}: latest is not signed, but a signature is required", hint=hint)
    signature = bytes.fromhex(pointer.signature)
    require_signature(pointer.signed_bytes(), signature, public_key, what=f"{store.url}: latest")


def copy_latest(
    source: ArchiveStore, target: WritableArchiveStore, version: str, public_key: Path | None = None
) -> Latest | None:
    """Give `target` the pointer of `source`, byte for byte, so that a signature stays valid; then update the copies.

    Return None, and change nothing, if the pointer of `source` names another version than `version`, which `target`
    must have.

    Raises:
        SwapConflict: another writer moved the pointer at the same time.
        UsageError: the pointer of `target` is signed, but the one of `source` is not.
        StoreError: the pointer of `target` is newer: boxes that follow it refuse an older one.
        IntegrityError: `public_key` did not sign the pointer of `source`.
    """
    document, before = _read_document(source), _read_document(target)
    pointer = Pointer.from_bytes(document.data, f"{source.url}/{_POINTER}") if document else None
    if document is None or pointer is None or pointer.version != version:
        return None
    if public_key:
        require_signed_pointer(source, pointer, public_key)
    changed = before is None or before.data != document.data
    if changed:
        if before:
            _require_successor(target.url, Pointer.from_bytes(before.data, f"{target.url}/{_POINTER}"), pointer)
        target.swap(_POINTER, document.data, expected=before)
    _update_copies(target, pointer)
    return Latest(pointer=pointer, changed=changed)


def _require_successor(url: str, current: Pointer, pointer: Pointer) -> None:
    if current.signature and not pointer.signature:
        hint = (
            "copy from a store that was published with --sign KEY: boxes with its public key refuse an unsigned latest"
        )
        raise UsageError(f"{url}: latest is signed, but the next one would not be", hint=hint)
    if current.serial >= pointer.serial:
        problem = f"{url}: version {pointer.version} is copied, but latest has serial {current.serial:,} there"
        hint = f"point latest to it: cache rollback --store {url} --to {pointer.version}"
        raise StoreError(f"{problem}, which {pointer.serial:,} does not exceed", hint=hint)


def _update_copies(store: WritableArchiveStore, pointer: Pointer) -> None:
    """Copy the files of the version that the pointer names; repeat while another writer moves the pointer.

    The last of several writers then copies the version of the last pointer.
    """
    copied = None
    while copied != pointer:
        for name in (ARCHIVE_NAME, REQUIREMENTS_NAME):
            store.copy(version_key(pointer.version, name), latest_key(name))
        with suppress(ObjectNotFound):  # optional
            store.copy(version_key(pointer.version, BOOTSTRAP_NAME), latest_key(BOOTSTRAP_NAME))
        copied, pointer = pointer, read_latest(store) or pointer


def _read_document(store: ArchiveStore) -> StoredDocument | None:
    with suppress(ObjectNotFound):
        return store.read(_POINTER, MAX_POINTER_BYTES)
    return None


def _make_pointer(
    url: str, manifest: CacheManifest, current: Pointer | None, key: "Ed25519PrivateKey | None"
) -> Pointer:
    """Return the current pointer if it already names `manifest`, otherwise a new one with the next serial."""
    name = version_key(manifest.version, MANIFEST_NAME)
    target = PublishedFile(name=name, content=hash_bytes(manifest.to_bytes()))
    trusted = current if not key or (current and _is_signed_by(key, current)) else None
    if trusted and trusted.manifest == target:
        return trusted
    pointer = Pointer(
        serial=_next_serial(url, current.serial) if current else 1,
        version=manifest.version,
        previous=trusted.version if trusted else None,
        manifest=target,
    )
    return pointer.signed(key.sign) if key else pointer


def _is_signed_by(key: "Ed25519PrivateKey", pointer: Pointer) -> bool:
    return bool(pointer.signature) and is_signed_by(key, pointer.signed_bytes(), bytes.fromhex(pointer.signature))


def _next_serial(url: str, serial: int) -> int:
    if serial >= MAX_SERIAL:
        hint = f"it was set too high: delete {_POINTER} and publish again; boxes then follow with --allow-older"
        raise StoreError(f"{url}: latest has serial {serial:,}, the highest possible", hint=hint)
    return serial + 1
