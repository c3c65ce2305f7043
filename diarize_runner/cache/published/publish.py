"""Put a built version into a store: its own names once, its manifest last, then `latest` by compare-and-swap."""

from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.cache.documents.manifest import (
    MANIFEST_NAME,
    SIGNATURE_NAME,
    WHEELS_PAGE_NAME,
    CacheManifest,
)
from diarize_runner.cache.documents.wheelhouse import PublishedFile, Wheelhouse
from diarize_runner.cache.published.catalogue import finish_prune
from diarize_runner.cache.published.keys import version_key
from diarize_runner.cache.published.latest import Latest, move_latest
from diarize_runner.cache.published.shared_wheels import WHEELS_FOLDER, render_page, share
from diarize_runner.cache.published.signature import has_signed
from diarize_runner.digests import content_of_file
from diarize_runner.errors import IntegrityError, ManifestError, ObjectExists, ObjectNotFound, UsageError
from diarize_runner.progress import Progress
from diarize_runner.store.protocol import WritableArchiveStore

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def read_built(folder: Path) -> CacheManifest:
    """Read the version that `build` left in `folder`, and hash its files.

    Raises:
        ManifestError: there is no finished version.
        IntegrityError: a file is not what the manifest says.
    """
    try:
        data = (folder / MANIFEST_NAME).read_bytes()
    except OSError as reason:
        hint = "build it: diarize-runner cache build REQUEST.yaml --version VERSION --out DIR"
        raise ManifestError(f"{folder} holds no finished version: {reason.strerror}", hint=hint) from reason
    manifest = CacheManifest.from_bytes(data, str(folder / MANIFEST_NAME))
    if manifest.as_published or data != manifest.to_bytes():
        raise IntegrityError(f"{folder / MANIFEST_NAME} is not as it was built", hint="build the version again")
    for file in manifest.files:
        _require(folder, file)
    if manifest.wheelhouse:
        _require_wheels(folder, manifest.wheelhouse)
    return manifest


def publish(
    folder: Path, store: WritableArchiveStore, progress: Progress, key: "Ed25519PrivateKey | None" = None
) -> Latest:
    """Publish the version in `folder` and make it the latest. A run that was killed is finished by running it again.

    With a `key`, `latest` is signed.

    Raises:
        ObjectExists: the store has another version of that name.
        SwapLost: somebody else moved `latest` at the same time.
        StoreError: a prune is taking wheels away.
        UsageError: the version or `latest` is signed, and there is no key.
    """
    manifest = read_built(folder)
    signed = [SIGNATURE_NAME] if (folder / SIGNATURE_NAME).is_file() else []
    _require_both_or_none(folder, manifest, key, is_signed=bool(signed))
    finish_prune(store, manifest.version)
    large = [] if _has(store, manifest) else [file.name for file in manifest.files]
    if large and manifest.wheelhouse:  # the page first: it keeps every prune off the wheels that it names
        _create(store, version_key(manifest.version, WHEELS_PAGE_NAME), folder / WHEELS_PAGE_NAME)
        share(manifest.wheelhouse.wheels, folder / WHEELS_FOLDER, store, progress)
    files = [*large, *signed, MANIFEST_NAME]
    for done, name in enumerate(files, start=1):
        _create(store, version_key(manifest.version, name), folder / name)
        progress.advance("publish", completed=done, total=len(files))
    return move_latest(store, manifest, key)


def _require_both_or_none(
    folder: Path, manifest: CacheManifest, key: "Ed25519PrivateKey | None", *, is_signed: bool
) -> None:
    """Refuse to sign one of a version and `latest`: a box that holds the key would follow neither."""
    if is_signed and not key:
        raise UsageError(f"the version in {folder} is signed, and latest would not be", hint="say --sign KEY")
    if key and not (is_signed and has_signed(key, manifest.to_bytes(), (folder / SIGNATURE_NAME).read_bytes())):
        hint = "build it with --sign KEY and the same key"
        raise UsageError(f"latest would be signed, and the version in {folder} is not by that key", hint=hint)


def _has(store: WritableArchiveStore, manifest: CacheManifest) -> bool:
    """Say whether the store has the version; then it has all that the manifest names, which was written before it.

    Raises:
        ObjectExists: it has another of that name.
    """
    try:
        there = store.read(version_key(manifest.version, MANIFEST_NAME)).data
    except ObjectNotFound:
        return False
    if there != manifest.to_bytes():
        hint = "publish under a new --version"
        raise ObjectExists(f"{store.url} already has another version {manifest.version}", hint=hint)
    return True


def _create(store: WritableArchiveStore, key: str, source: Path) -> None:
    """Create `key`; what is there already must be the same bytes: this version, published before or cut short."""
    try:
        store.create(key, source)
    except ObjectExists:
        if store.digest(key) != content_of_file(source).digest:
            raise


def _require_wheels(folder: Path, house: Wheelhouse) -> None:
    for wheel in house.wheels:
        _require(folder / WHEELS_FOLDER, wheel)
    if (folder / WHEELS_PAGE_NAME).read_bytes() != render_page(house.wheels):
        raise IntegrityError(f"{folder / WHEELS_PAGE_NAME} is not as it was built", hint="build the version again")


def _require(folder: Path, file: PublishedFile) -> None:
    path = folder / file.name
    if not path.is_file() or content_of_file(path) != file.content:
        raise IntegrityError(f"{path} is not what its manifest says", hint="build the version again")
