"""Switch a box to another version on its disk, usually the previous one, without a store."""

import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.cache.box.folder import BoxFolder, manifest_digest_of, read_manifest
from diarize_runner.cache.box.verify import VerifiedCache, verify
from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.digests import Digest
from diarize_runner.disk import disk_errors
from diarize_runner.errors import IntegrityError, ManifestError
from diarize_runner.progress import Progress


@dataclass(frozen=True, kw_only=True, slots=True)
class SwitchResult:
    """The version in use after a switch."""

    cache: VerifiedCache
    changed: bool
    """False if it was in use already."""


def switch(box: BoxFolder, to: Digest | None, progress: Progress) -> SwitchResult:
    """Verify the version with the manifest digest `to`, by default the previous one, and make it current.

    Concurrent switches and restores wait for the lock.

    Raises:
        ManifestError: the disk has no such version.
        IntegrityError: the version differs from its manifest; the box is unchanged.
        DiskError: a read or write failed; the box is unchanged.
    """
    with disk_errors(box.root), box.locked():
        root = box.version_folder(to) if to else _previous_version(box)
        cache = verify(root, read_manifest(root), progress).require_ok()
        changed = not (box.current.is_dir() and box.current.samefile(root))
        box.set_current(cache.manifest.digest)
    return SwitchResult(cache=cache, changed=changed)


def find_version(box: BoxFolder, version: str) -> Digest:
    """Return the manifest digest of `version` on the disk.

    Raises:
        ManifestError: the disk does not have it, or has it from several stores with different manifests.
        DiskError: a read failed.
    """
    with disk_errors(box.root):
        manifests = tuple(_manifests(box))
    found = [manifest.digest for manifest in manifests if manifest.version == version]
    if not found:
        there = ", ".join(sorted({manifest.version for manifest in manifests})) or "none"
        hint = f"the versions there: {there}; to add one: {_restore(box, version)}"
        raise ManifestError(f"{box.root} has no version {version}", hint=hint)
    if len(found) > 1:
        hint = f"give one of the digests: {', '.join(map(str, found))}"
        raise ManifestError(f"{box.root} has {len(found)} versions {version}", hint=hint)
    return found[0]


def _manifests(box: BoxFolder) -> Iterator[CacheManifest]:
    for folder in box.version_folders():
        with suppress(ManifestError, IntegrityError):  # a damaged version cannot be switched to
            if folder == box.version_folder(manifest_digest_of(folder)):
                yield read_manifest(folder)


def _restore(box: BoxFolder, version: str) -> str:
    return f"diarize-runner cache restore --store STORE --into {shlex.quote(str(box.root))} --version {version}"


def _previous_version(box: BoxFolder) -> Path:
    if not box.previous.is_symlink():
        message = f"{box.root} has no previous version: only one has been restored there"
        raise ManifestError(message, hint=f"restore another one: {_restore(box, 'VERSION')}")
    return box.previous.resolve()
