"""Put a built version into a store: its own names once, its manifest last, then `latest` by compare-and-swap."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.cache.manifest import ARCHIVE_NAME, MANIFEST_NAME, REQUIREMENTS_NAME, CacheManifest, PublishedFile
from diarize_runner.cache.pointer import Pointer
from diarize_runner.cache.store import StoredDocument, WritableArchiveStore, latest_key, version_key
from diarize_runner.digests import content_of, content_of_file
from diarize_runner.errors import IntegrityError, ManifestError, ObjectExists, ObjectNotFound
from diarize_runner.progress import Progress


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedVersion:
    """What `latest` names now."""

    pointer: Pointer
    changed: bool
    """False when the store already held this version as its latest."""


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
    if data != manifest.to_bytes():
        raise IntegrityError(f"{folder / MANIFEST_NAME} is not as it was built", hint="build the version again")
    for file in (manifest.archive.file, manifest.requirements):
        _require(folder, file)
    return manifest


def publish(folder: Path, store: WritableArchiveStore, progress: Progress) -> PublishedVersion:
    """Publish the version in `folder` and make it the latest. A run that was killed is finished by running it again.

    Raises:
        ObjectExists: the store has another version of that name.
        SwapLost: somebody else moved `latest` at the same time.
    """
    manifest = read_built(folder)
    files = [ARCHIVE_NAME, REQUIREMENTS_NAME, MANIFEST_NAME]
    for done, name in enumerate(files, start=1):
        _create(store, version_key(manifest.version, name), folder / name)
        progress.advance("publish", completed=done, total=len(files))
    before = _latest(store)
    pointer = _pointer_to(manifest, before)
    for name in (ARCHIVE_NAME, REQUIREMENTS_NAME):
        _refresh(store, latest_key(name), folder / name)
    if before and Pointer.from_bytes(before.data, latest_key(MANIFEST_NAME)) == pointer:
        return PublishedVersion(pointer=pointer, changed=False)
    store.swap(latest_key(MANIFEST_NAME), pointer.to_bytes(), expected=before)
    return PublishedVersion(pointer=pointer, changed=True)


def _create(store: WritableArchiveStore, key: str, source: Path) -> None:
    """Create `key`; what is there already must be the same bytes: this version, published before or cut short."""
    try:
        store.create(key, source)
    except ObjectExists:
        if store.digest(key) != content_of_file(source).digest:
            raise


def _refresh(store: WritableArchiveStore, key: str, source: Path) -> None:
    """Replace `key` unless it is right: even under this very pointer it may be of a later version, cut short."""
    with suppress(ObjectNotFound):
        if store.digest(key) == content_of_file(source).digest:
            return
    store.replace(key, source)


def _latest(store: WritableArchiveStore) -> StoredDocument | None:
    with suppress(ObjectNotFound):
        return store.read(latest_key(MANIFEST_NAME))
    return None


def _pointer_to(manifest: CacheManifest, before: StoredDocument | None) -> Pointer:
    """Return the pointer to `manifest`: the one that is there if it names it already, else with the next serial."""
    key, content = version_key(manifest.version, MANIFEST_NAME), content_of(manifest.to_bytes())
    target = PublishedFile(name=key, content=content)
    current = Pointer.from_bytes(before.data, latest_key(MANIFEST_NAME)) if before else None
    if current and current.manifest == target:
        return current
    return Pointer(serial=current.serial + 1 if current else 1, version=manifest.version, manifest=target)


def _require(folder: Path, file: PublishedFile) -> None:
    path = folder / file.name
    if not path.is_file() or content_of_file(path) != file.content:
        raise IntegrityError(f"{path} is not what its manifest says", hint="build the version again")
