"""Switch, mostly back, on a box: use a version that lies on its disk already. No store is asked."""

from dataclasses import dataclass
from pathlib import Path

from diarize_runner.cache.box.folder import BoxFolder, read_manifest
from diarize_runner.cache.box.verify import VerifiedCache, verify
from diarize_runner.digests import Digest
from diarize_runner.disk import disk_errors
from diarize_runner.errors import ManifestError
from diarize_runner.progress import Progress


@dataclass(frozen=True, kw_only=True, slots=True)
class Switched:
    """The version in use after a switch."""

    cache: VerifiedCache
    changed: bool
    """False when it was in use already."""


def switch(box: BoxFolder, to: Digest | None, progress: Progress) -> Switched:
    """Use the version whose manifest has the digest `to`, or else the one before, after every byte was found right.

    Two at once take turns, and a restore with them.

    Raises:
        ManifestError: there is no such version on the disk.
        IntegrityError: it is not what its manifest says; the box is as it was.
        DiskError: the disk refused; the box is as it was.
    """
    with disk_errors(box.root), box.exclusively():
        root = box.version(to) if to else _before(box)
        cache = verify(root, read_manifest(root), progress).require_ok()
        changed = not (box.current.is_dir() and box.current.samefile(root))
        box.make_current(cache.manifest.digest)
    return Switched(cache=cache, changed=changed)


def _before(box: BoxFolder) -> Path:
    if not box.previous.is_symlink():
        message = f"{box.root} keeps no version before the one in use"
        raise ManifestError(
            message,
            hint="restore one from a store: diarize-runner cache restore --store STORE --into DIR --version VERSION",
        )
    return box.previous.resolve()
