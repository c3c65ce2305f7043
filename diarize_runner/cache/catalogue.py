"""What a store holds, and what may leave it."""

import re
from dataclasses import dataclass, replace

from diarize_runner.cache.latest import Latest, move_latest, read_latest
from diarize_runner.cache.manifest import MANIFEST_NAME, CacheManifest
from diarize_runner.cache.published import Wanted, find_version
from diarize_runner.cache.shared_wheels import take_away, unclaimed
from diarize_runner.cache.store import ArchiveStore, WritableArchiveStore, version_key
from diarize_runner.errors import StoreError


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
        for version in _newest_first(store)
    )


def rollback(store: WritableArchiveStore, version: str | None) -> Latest:
    """Make `latest` name an older version again (the one before, unless named), with a higher serial.

    Raises:
        StoreError: there is none to go back to.
        ObjectNotFound: there is no such version.
        SwapLost: somebody else moved `latest` at the same time.
    """
    latest = read_latest(store)
    target = version or (latest.previous if latest else None)
    if target is None:
        raise StoreError(f"{store.url}: there was no version before the latest", hint="name one: --to VERSION")
    return move_latest(store, _manifest(store, target))


def plan_prune(store: WritableArchiveStore, keep: int) -> PrunePlan:
    """Keep the `keep` newest versions, the latest, and the one a rollback would go back to; and all their wheels."""
    versions, latest = _newest_first(store), read_latest(store)
    kept = {*versions[:keep], *((latest.version, latest.previous) if latest else ())}
    remove = tuple(version for version in versions if version not in kept)
    return PrunePlan(
        keep=tuple(version for version in versions if version in kept), remove=remove, wheels=unclaimed(store, remove)
    )


def prune(store: WritableArchiveStore, plan: PrunePlan) -> PrunePlan:
    """Delete what the plan says, each version's manifest first: without it the version is gone, whatever comes then.

    Wheels come last. Those that somebody has begun to publish with meanwhile stay, and what is returned lacks them.
    """
    for version in plan.remove:
        store.delete(version_key(version, MANIFEST_NAME))
        for key in store.keys(f"v{version}/"):
            store.delete(key)
    return replace(plan, wheels=take_away(store, plan.wheels))


def _manifest(store: ArchiveStore, version: str) -> CacheManifest:
    return find_version(store, Wanted(version=version)).manifest


def _newest_first(store: ArchiveStore) -> list[str]:
    return sorted(store.versions(), key=_order, reverse=True)


def _order(version: str) -> list[tuple[int, int, str]]:
    """Order 1.10 after 1.9: numbers by value, anything else as text, before numbers."""
    parts = re.findall(r"\d+|[^\d]+", version)
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts]
