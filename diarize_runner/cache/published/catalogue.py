"""What a store holds, and what may leave it."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from diarize_runner.cache.documents.manifest import MANIFEST_NAME, SIGNATURE_NAME, VERSION, CacheManifest
from diarize_runner.cache.published.find import Wanted, find_version
from diarize_runner.cache.published.keys import LARGEST_SIGNATURE, published_versions, version_key
from diarize_runner.cache.published.latest import Latest, move_latest, read_latest
from diarize_runner.cache.published.shared_wheels import take_away, unclaimed
from diarize_runner.cache.published.signature import has_signed
from diarize_runner.cache.published.version_order import newest_first
from diarize_runner.errors import IntegrityError, ObjectNotFound, StoreError
from diarize_runner.store.protocol import ArchiveStore, WritableArchiveStore

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

TOMBSTONE_NAME = "manifest.json.pruned"


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A published version."""

    manifest: CacheManifest
    is_latest: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class PrunePlan:
    """What a prune would keep, and what it would take away, newest first."""

    keep: tuple[str, ...]
    remove: tuple[str, ...]
    wheels: tuple[str, ...] = ()
    """Keys of the wheels that no version refers to then."""


def list_versions(store: ArchiveStore) -> tuple[Listed, ...]:
    """Return every published version, newest first."""
    latest = read_latest(store)
    return tuple(
        Listed(manifest=_manifest(store, version), is_latest=latest is not None and version == latest.version)
        for version in newest_first(published_versions(store))
    )


def rollback(store: WritableArchiveStore, version: str | None, key: "Ed25519PrivateKey | None" = None) -> Latest:
    """Make `latest` name an older version again (the one before, unless named), with a higher serial.

    Raises:
        StoreError: there is none to go back to.
        ObjectNotFound: there is no such version, or nothing was published yet.
        SwapLost: somebody else moved `latest` at the same time.
        UsageError: `latest` is signed, and there is no `key` to sign the next one with.
        IntegrityError: the version was not signed by `key`.
    """
    latest = read_latest(store)
    target = version or (latest.previous if latest else None)
    if latest is None and target is None:
        raise ObjectNotFound(f"{store.url} has no latest version", hint="publish one: cache publish DIR --store STORE")
    if target is None:
        raise StoreError(f"{store.url}: there was no version before the latest", hint="name one: --to VERSION")
    manifest = _manifest(store, target)
    if key:
        _require_signed(store, manifest, key)
    return move_latest(store, manifest, key)


def _require_signed(store: ArchiveStore, manifest: CacheManifest, key: "Ed25519PrivateKey") -> None:
    signature = b""
    with suppress(ObjectNotFound):
        signature = store.read(version_key(manifest.version, SIGNATURE_NAME), LARGEST_SIGNATURE).data
    if not has_signed(key, manifest.to_bytes(), signature):
        hint = "go back to one that is, by --to VERSION; or build it anew with --sign KEY, under a new version"
        raise IntegrityError(f"{store.url}: version {manifest.version} was not signed by that key", hint=hint)


def plan_prune(store: WritableArchiveStore, keep: int) -> PrunePlan:
    """Keep the `keep` newest versions, the latest, and the one a rollback would go back to; and all their wheels.

    What a prune that was cut short has left goes too. A version that is being published has no manifest either, and
    looks the same but for the tombstone, which nobody but a prune writes: what has none is left alone.
    """
    versions, latest = newest_first(published_versions(store)), read_latest(store)
    kept = {*versions[:keep], *((latest.version, latest.previous) if latest else ())}
    remove = tuple(newest_first(({*versions} - kept) | ({*_with_tombstone(store)} - {*versions})))
    keep_in_order = tuple(version for version in versions if version in kept)
    return PrunePlan(keep=keep_in_order, remove=remove, wheels=unclaimed(store, remove))


def prune(store: WritableArchiveStore, plan: PrunePlan) -> PrunePlan:
    """Delete what the plan says, each version's manifest first: without it the version is gone, whatever comes then.

    Before that the manifest is copied to its tombstone, which goes last. Wheels come after all versions; those that
    somebody has begun to publish with meanwhile stay, and what is returned lacks them.
    """
    for version in plan.remove:
        with suppress(ObjectNotFound):  # an earlier prune came further
            store.copy(version_key(version, MANIFEST_NAME), version_key(version, TOMBSTONE_NAME))
        _bury(store, version)
    return replace(plan, wheels=take_away(store, plan.wheels))


def finish_prune(store: WritableArchiveStore, version: str) -> None:
    """Delete what a prune that was cut short has left of a version, so that it can be published again."""
    there = {*store.keys(f"v{version}/")}
    if version_key(version, TOMBSTONE_NAME) in there and version_key(version, MANIFEST_NAME) not in there:
        _bury(store, version)


def _bury(store: WritableArchiveStore, version: str) -> None:
    manifest, tombstone = version_key(version, MANIFEST_NAME), version_key(version, TOMBSTONE_NAME)
    for key in (manifest, *sorted({*store.keys(f"v{version}/")} - {manifest, tombstone}), tombstone):
        store.delete(key)


def _with_tombstone(store: WritableArchiveStore) -> Iterator[str]:
    for key in store.keys("v"):
        if found := re.fullmatch(rf"v({VERSION})/{re.escape(TOMBSTONE_NAME)}", key):
            yield found[1]


def _manifest(store: ArchiveStore, version: str) -> CacheManifest:
    return find_version(store, Wanted(version=version)).manifest
