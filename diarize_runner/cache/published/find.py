"""Find a version in a store and verify its manifest."""

from dataclasses import dataclass
from pathlib import Path

from diarize_runner.cache.documents.manifest import MANIFEST_NAME, SIGNATURE_NAME, CacheManifest
from diarize_runner.cache.documents.pointer import MAX_SERIAL_STEP, Pointer
from diarize_runner.cache.published.keys import MAX_SIGNATURE_BYTES, published_versions, version_key
from diarize_runner.cache.published.latest import read_latest, require_signed_pointer
from diarize_runner.cache.published.signature import require_signature
from diarize_runner.digests import hash_bytes
from diarize_runner.errors import IntegrityError, ObjectNotFound, StoreError
from diarize_runner.store.protocol import ArchiveStore

LATEST = "latest"


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionQuery:
    """The version to find, and its requirements."""

    version: str
    """`latest`, or a version such as `1.0`."""
    public_key: Path | None = None
    """Key that must have signed the manifest, and the pointer for `latest`; None accepts unsigned ones."""
    seen_serial: int | None = None
    """Serial of the last pointer followed, 0 before the first; None accepts any serial."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedVersion:
    """A version of a store."""

    manifest: CacheManifest
    serial: int
    """Serial of the pointer for `latest`, otherwise 0."""


def find_version(store: ArchiveStore, query: VersionQuery) -> PublishedVersion:
    """Read and verify a version's manifest.

    Raises:
        ObjectNotFound: the version does not exist.
        IntegrityError: the manifest differs from the pointer's digest, the serial is out of range, or a signature is
            missing or wrong.
        ManifestError: the manifest is invalid.
    """
    if query.version != LATEST:
        return PublishedVersion(manifest=_read_manifest(store, query.version, query.public_key, None), serial=0)
    pointer = read_latest(store)
    if pointer is None:
        raise ObjectNotFound(f"{store.url} has no latest version", hint=_published_versions_hint(store))
    if query.public_key:
        require_signed_pointer(store, pointer, query.public_key)
    if query.seen_serial is not None:
        _check_serial(store, pointer.serial, query.seen_serial)
    manifest = _read_manifest(store, pointer.version, query.public_key, pointer)
    return PublishedVersion(manifest=manifest, serial=pointer.serial)


def _check_serial(store: ArchiveStore, serial: int, seen: int) -> None:
    """Refuse a pointer that is older than the last one followed, or implausibly new."""
    message = f"{store.url}: latest has serial {serial:,}, but this box last followed {seen:,}"
    if serial < seen:
        hint = "an old pointer restores old weights; to accept that, pass --allow-older"
        raise IntegrityError(message, hint=hint)
    if serial > seen + MAX_SERIAL_STEP:
        hint = "ask the publisher; if the serial is correct, pass --allow-older once: it accepts any serial"
        raise IntegrityError(f"{message}: it may not rise by more than {MAX_SERIAL_STEP:,}", hint=hint)


def _read_manifest(
    store: ArchiveStore, version: str, public_key: Path | None, pointer: Pointer | None
) -> CacheManifest:
    key = version_key(version, MANIFEST_NAME)
    try:
        data = store.read(key).data
    except ObjectNotFound:
        raise _version_not_found(store, version) from None
    if pointer and hash_bytes(data) != pointer.manifest.content:
        raise IntegrityError(f"{store.url}: {key} is not the manifest that latest names", hint="publish it again")
    if public_key:
        require_signature(data, _read_signature(store, version), public_key)
    manifest = CacheManifest.from_bytes(data, f"{store.url}/{key}")
    if manifest.version != version:
        raise IntegrityError(
            f"{store.url}/{key} is the manifest of version {manifest.version}", hint="publish it again"
        )
    return manifest


def _read_signature(store: ArchiveStore, version: str) -> bytes:
    try:
        return store.read(version_key(version, SIGNATURE_NAME), MAX_SIGNATURE_BYTES).data
    except ObjectNotFound:
        hint = "build it with --sign KEY and publish it as a new version"
        raise IntegrityError(
            f"{store.url}: version {version} is not signed, but a signature is required", hint=hint
        ) from None


def _version_not_found(store: ArchiveStore, version: str) -> ObjectNotFound:
    return ObjectNotFound(f"{store.url} has no version {version}", hint=_published_versions_hint(store))


def _published_versions_hint(store: ArchiveStore) -> str:
    try:
        versions = ", ".join(sorted(published_versions(store)))
    except StoreError as reason:
        return f"cannot list the published versions: {reason.message}"
    return f"published versions: {versions}" if versions else "the store has no versions; check its address"
