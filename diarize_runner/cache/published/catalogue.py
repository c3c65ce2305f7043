"""List, roll back and prune the versions of a store."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from diarize_runner.cache.documents.manifest import MANIFEST_NAME, SIGNATURE_NAME, VERSION, CacheManifest
from diarize_runner.cache.published.find import VersionQuery, find_version
from diarize_runner.cache.published.keys import MAX_SIGNATURE_BYTES, published_versions, version_key
from diarize_runner.cache.published.latest import Latest, move_latest, read_latest
from diarize_runner.cache.published.shared_files import delete_shared_files, find_unreferenced
from diarize_runner.cache.published.signature import is_signed_by
from diarize_runner.cache.published.version_order import sort_newest_first
from diarize_runner.errors import IntegrityError, ObjectNotFound, StoreError
from diarize_runner.store.protocol import ArchiveStore, WritableArchiveStore

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

TOMBSTONE_NAME = "manifest.json.pruned"


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedVersion:
    """A published version."""

    manifest: CacheManifest
    is_latest: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class PrunePlan:
    """Versions that a prune keeps and removes, newest first."""

    keep: tuple[str, ...]
    remove: tuple[str, ...]
    shared: tuple[str, ...] = ()
    """Keys of the wheels and images that no version refers to afterwards."""


def list_versions(store: ArchiveStore) -> tuple[ListedVersion, ...]:
    """Return every published version, newest first."""
    latest = read_latest(store)
    return tuple(
        ListedVersion(
            manifest=_read_manifest(store, version), is_latest=latest is not None and version == latest.version
        )
        for version in sort_newest_first(published_versions(store))
    )


def rollback(store: WritableArchiveStore, version: str | None, key: "Ed25519PrivateKey | None" = None) -> Latest:
    """Point `latest` to an older `version` (default: the previous one), with a higher serial.

    Raises:
        StoreError: there is no previous version.
        ObjectNotFound: the version does not exist, or the store is empty.
        SwapConflict: another writer moved `latest` at the same time.
        UsageError: `latest` is signed, but `key` is None.
        IntegrityError: the version is not signed with `key`.
    """
    latest = read_latest(store)
    target = version or (latest.previous if latest else None)
    if latest is None and target is None:
        raise ObjectNotFound(f"{store.url} has no latest version", hint="publish one: cache publish DIR --store STORE")
    if target is None:
        hint = "pass --to VERSION; cache list shows them"
        raise StoreError(f"{store.url}: no version precedes the latest", hint=hint)
    manifest = _read_manifest(store, target)
    if key:
        _require_signed(store, manifest, key)
    return move_latest(store, manifest, key)


def _require_signed(store: ArchiveStore, manifest: CacheManifest, key: "Ed25519PrivateKey") -> None:
    signature = b""
    with suppress(ObjectNotFound):
        signature = store.read(version_key(manifest.version, SIGNATURE_NAME), MAX_SIGNATURE_BYTES).data
    if not is_signed_by(key, manifest.to_bytes(), signature):
        hint = "roll back to a signed one with --to VERSION, or build it again as a new version with --sign KEY"
        raise IntegrityError(f"{store.url}: version {manifest.version} is not signed with that key", hint=hint)


def plan_prune(store: WritableArchiveStore, keep: int) -> PrunePlan:
    """Keep the `keep` newest versions, the latest and the previous one, and all their wheels and images.

    Also remove the remains of an interrupted prune, recognised by their tombstone. A version without a manifest and
    without a tombstone is being published, and stays.
    """
    versions, latest = sort_newest_first(published_versions(store)), read_latest(store)
    kept = {*versions[:keep], *((latest.version, latest.previous) if latest else ())}
    remove = tuple(sort_newest_first(({*versions} - kept) | ({*_versions_with_tombstone(store)} - {*versions})))
    keep_in_order = tuple(version for version in versions if version in kept)
    return PrunePlan(keep=keep_in_order, remove=remove, shared=find_unreferenced(store, remove))


def prune(store: WritableArchiveStore, plan: PrunePlan) -> PrunePlan:
    """Execute the plan; return it without the shared files that a concurrent publish needs, which stay.

    Each version: copy its manifest to the tombstone, delete the manifest, which removes the version, then the other
    files, then the tombstone. Wheels and images go last.
    """
    for version in plan.remove:
        with suppress(ObjectNotFound):  # an interrupted prune deleted it
            store.copy(version_key(version, MANIFEST_NAME), version_key(version, TOMBSTONE_NAME))
        _delete_version(store, version)
    return replace(plan, shared=delete_shared_files(store, plan.shared))


def finish_prune(store: WritableArchiveStore, version: str) -> None:
    """Finish an interrupted prune of a version, so that it can be published again."""
    keys = {*store.keys(f"v{version}/")}
    if version_key(version, TOMBSTONE_NAME) in keys and version_key(version, MANIFEST_NAME) not in keys:
        _delete_version(store, version)


def _delete_version(store: WritableArchiveStore, version: str) -> None:
    manifest, tombstone = version_key(version, MANIFEST_NAME), version_key(version, TOMBSTONE_NAME)
    for key in (manifest, *sorted({*store.keys(f"v{version}/")} - {manifest, tombstone}), tombstone):
        store.delete(key)


def _versions_with_tombstone(store: WritableArchiveStore) -> Iterator[str]:
    for key in store.keys("v"):
        if found := re.fullmatch(rf"v({VERSION})/{re.escape(TOMBSTONE_NAME)}", key):
            yield found[1]


def _read_manifest(store: ArchiveStore, version: str) -> CacheManifest:
    return find_version(store, VersionQuery(version=version)).manifest
