"""Publish a built version: create its objects, the manifest last, then move `latest` by compare-and-swap."""

from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.cache.documents.manifest import (
    MANIFEST_NAME,
    SIGNATURE_NAME,
    WHEELS_PAGE_NAME,
    CacheManifest,
)
from diarize_runner.cache.documents.wheelhouse import PublishedFile
from diarize_runner.cache.published.catalogue import finish_prune
from diarize_runner.cache.published.keys import version_key
from diarize_runner.cache.published.latest import Latest, move_latest
from diarize_runner.cache.published.shared_files import publish_shared_files, render_page, shared_files
from diarize_runner.cache.published.signature import is_signed_by
from diarize_runner.digests import hash_file
from diarize_runner.errors import IntegrityError, ManifestError, ObjectExists, ObjectNotFound, UsageError
from diarize_runner.progress import Progress
from diarize_runner.store.protocol import WritableArchiveStore

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def read_build(folder: Path) -> CacheManifest:
    """Read the version that `cache build` wrote to `folder`, and verify its files.

    Raises:
        ManifestError: the folder has no finished version.
        IntegrityError: a file differs from the manifest.
    """
    try:
        data = (folder / MANIFEST_NAME).read_bytes()
    except OSError as reason:
        hint = "build it: diarize-runner cache build REQUEST.yaml --version VERSION --out DIR"
        raise ManifestError(f"{folder} holds no finished version: {reason.strerror}", hint=hint) from reason
    manifest = CacheManifest.from_bytes(data, str(folder / MANIFEST_NAME))
    if manifest.original_bytes or data != manifest.to_bytes():
        changed = f"{folder / MANIFEST_NAME} was changed after the build, or written by another release"
        raise IntegrityError(changed, hint="build the version again")
    for file in manifest.files:
        _verify_file(folder, file)
    for shared in shared_files(manifest):
        _verify_file(folder / shared.folder, shared.file)
    _verify_page(folder, manifest)
    return manifest


def publish(
    folder: Path, store: WritableArchiveStore, progress: Progress, key: "Ed25519PrivateKey | None" = None
) -> Latest:
    """Publish the version in `folder` and make it the latest. Run it again to finish a killed run.

    A `key` signs `latest`.

    Raises the errors of `read_build`, and:
        ObjectExists: the store has a different version of that name.
        SwapConflict: another writer moved `latest` at the same time.
        StoreError: a prune is deleting wheels or images.
        UsageError: the version is signed but `key` is None, or `key` did not sign the version.
    """
    manifest = read_build(folder)
    signed = [SIGNATURE_NAME] if (folder / SIGNATURE_NAME).is_file() else []
    _require_consistent_signing(folder, manifest, key, is_signed=bool(signed))
    finish_prune(store, manifest.version)  # a killed prune may have left files under this version
    unpublished = [] if is_published(store, manifest) else [file.name for file in manifest.files]
    if unpublished and manifest.wheelhouse:  # the page first: prune keeps the files it links to
        create_or_match(store, version_key(manifest.version, WHEELS_PAGE_NAME), folder / WHEELS_PAGE_NAME)
        publish_shared_files(shared_files(manifest), folder, store, progress)
    files = [*unpublished, *signed, MANIFEST_NAME]
    for done, name in enumerate(files, start=1):
        create_or_match(store, version_key(manifest.version, name), folder / name)
        progress.advance("publish", completed=done, total=len(files))
    return move_latest(store, manifest, key)


def _require_consistent_signing(
    folder: Path, manifest: CacheManifest, key: "Ed25519PrivateKey | None", *, is_signed: bool
) -> None:
    """Require that the version and `latest` are both signed or both unsigned: boxes with a key need both signatures."""
    if is_signed and not key:
        raise UsageError(f"the version in {folder} is signed, but latest would not be", hint="pass --sign KEY")
    if key and not (is_signed and is_signed_by(key, manifest.to_bytes(), (folder / SIGNATURE_NAME).read_bytes())):
        hint = "pass the same key to: cache build --sign KEY"
        raise UsageError(f"latest would be signed, but the version in {folder} is not signed with that key", hint=hint)


def is_published(store: WritableArchiveStore, manifest: CacheManifest) -> bool:
    """Whether the store has the complete version: its manifest is written last.

    Raises:
        ObjectExists: the store has a different version of that name.
    """
    try:
        published = store.read(version_key(manifest.version, MANIFEST_NAME)).data
    except ObjectNotFound:
        return False
    if published != manifest.to_bytes():
        hint = "build with a new --version"
        raise ObjectExists(f"{store.url} already has a different version {manifest.version}", hint=hint)
    return True


def create_or_match(store: WritableArchiveStore, key: str, source: Path) -> None:
    """Create `key`; accept an existing object with the same bytes, from an earlier or killed publish."""
    try:
        store.create(key, source)
    except ObjectExists:
        if store.digest(key) != hash_file(source).digest:
            raise


def _verify_page(folder: Path, manifest: CacheManifest) -> None:
    house = manifest.wheelhouse
    if house and (folder / WHEELS_PAGE_NAME).read_bytes() != render_page(house.wheels, manifest.environments):
        raise IntegrityError(f"{folder / WHEELS_PAGE_NAME} was changed after the build", hint="build the version again")


def _verify_file(folder: Path, file: PublishedFile) -> None:
    path = folder / file.name
    if not path.is_file() or hash_file(path) != file.content:
        raise IntegrityError(f"{path} is missing or differs from the manifest", hint="build the version again")
