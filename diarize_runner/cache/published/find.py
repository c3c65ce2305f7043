"""Find a version in a store, and believe its manifest only as far as it can be checked."""

from dataclasses import dataclass
from pathlib import Path

from diarize_runner.cache.documents.manifest import MANIFEST_NAME, SIGNATURE_NAME, CacheManifest
from diarize_runner.cache.documents.pointer import MOST_RISE, Pointer
from diarize_runner.cache.published.keys import LARGEST_SIGNATURE, published_versions, version_key
from diarize_runner.cache.published.latest import read_latest
from diarize_runner.cache.published.signature import require_signature
from diarize_runner.digests import content_of
from diarize_runner.errors import IntegrityError, ObjectNotFound, StoreError
from diarize_runner.store.protocol import ArchiveStore

LATEST = "latest"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which version is wanted, and what has to be true of it."""

    version: str
    """Such as `1.0`, or `latest`."""
    public_key: Path | None = None
    """The key that must have signed its manifest, and `latest` where that names it; None asks for no signature."""
    seen_serial: int | None = None
    """The serial of the last `latest` that was followed, 0 before the first; None follows any."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedVersion:
    """A version of a store."""

    manifest: CacheManifest
    serial: int
    """Of the pointer that was followed; 0 where the version was named outright."""


def find_version(store: ArchiveStore, wanted: Wanted) -> PublishedVersion:
    """Read the manifest that is wanted.

    Raises:
        ObjectNotFound: there is no such version.
        IntegrityError: the manifest is not the one `latest` names, is older than it may be, or lacks the signature.
        ManifestError: it cannot be read.
    """
    if wanted.version != LATEST:
        return PublishedVersion(manifest=_manifest(store, wanted.version, wanted.public_key, None), serial=0)
    pointer = read_latest(store)
    if pointer is None:
        raise ObjectNotFound(f"{store.url} has no latest version", hint=_published(store))
    if wanted.public_key:
        _require_signed(store, pointer, wanted.public_key)
    if wanted.seen_serial is not None:
        _require_next(store, pointer.serial, wanted.seen_serial)
    manifest = _manifest(store, pointer.version, wanted.public_key, pointer)
    return PublishedVersion(manifest=manifest, serial=pointer.serial)


def _require_signed(store: ArchiveStore, pointer: Pointer, public_key: Path) -> None:
    if not pointer.signature:
        hint = "publish the version again, with cache publish --sign KEY; or name it: --version VERSION"
        raise IntegrityError(f"{store.url}: latest is not signed, and a signature is wanted", hint=hint)
    signature = bytes.fromhex(pointer.signature)
    require_signature(pointer.signed_bytes(), signature, public_key, what=f"{store.url}: latest")


def _require_next(store: ArchiveStore, serial: int, seen: int) -> None:
    """Refuse a pointer that is older than the last one followed, or so new that no owner can have come that far."""
    message = f"{store.url}: latest has serial {serial:,}, and this box has followed {seen:,}"
    if serial < seen:
        hint = "an old pointer brings back old weights; if that is what you want, say --allow-older"
        raise IntegrityError(message, hint=hint)
    if serial > seen + MOST_RISE:
        hint = "somebody set it so high; ask who publishes. If they say it is theirs, say --allow-older once"
        raise IntegrityError(f"{message}: no more than {MOST_RISE:,} are skipped", hint=hint)


def _manifest(store: ArchiveStore, version: str, public_key: Path | None, pointer: Pointer | None) -> CacheManifest:
    key = version_key(version, MANIFEST_NAME)
    try:
        data = store.read(key).data
    except ObjectNotFound:
        raise _no_such(store, version) from None
    if pointer and content_of(data) != pointer.manifest.content:
        raise IntegrityError(f"{store.url}: {key} is not the manifest that latest names", hint="publish it again")
    if public_key:
        require_signature(data, _signature(store, version), public_key)
    manifest = CacheManifest.from_bytes(data, f"{store.url}/{key}")
    if manifest.version != version:
        raise IntegrityError(
            f"{store.url}/{key} is the manifest of version {manifest.version}", hint="publish it again"
        )
    return manifest


def _signature(store: ArchiveStore, version: str) -> bytes:
    try:
        return store.read(version_key(version, SIGNATURE_NAME), LARGEST_SIGNATURE).data
    except ObjectNotFound:
        hint = "build it with --sign KEY, and publish it under a new version"
        raise IntegrityError(
            f"{store.url}: version {version} is not signed, and a signature is wanted", hint=hint
        ) from None


def _no_such(store: ArchiveStore, version: str) -> ObjectNotFound:
    return ObjectNotFound(f"{store.url} has no version {version}", hint=_published(store))


def _published(store: ArchiveStore) -> str:
    try:
        versions = ", ".join(sorted(published_versions(store)))
    except StoreError as reason:
        return f"what is published there cannot be said: {reason.message}"
    return f"published there: {versions}" if versions else "nothing is published there: is that its address?"
