"""Switch a box to another version on its disk, usually the previous one, without a store."""

from dataclasses import dataclass
from pathlib import Path

from diarize_runner.cache.box.folder import BoxFolder, read_manifest
from diarize_runner.cache.box.verify import VerifiedCache, verify
from diarize_runner.digests import Digest
from diarize_runner.disk import disk_errors
from diarize_runner.errors import ManifestError
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


def _previous_version(box: BoxFolder) -> Path:
    if not box.previous.is_symlink():
        message = f"{box.root} has no previous version"
        raise ManifestError(
            message,
            hint="restore one from a store: diarize-runner cache restore --store STORE --into DIR --version VERSION",
        )
    return box.previous.resolve()
