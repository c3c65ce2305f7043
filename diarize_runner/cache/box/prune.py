"""Take old versions off a box: all but the one in use, and the one that `cache switch` switches back to.

What a process has open stays readable until it closes it, and a loaded pipeline opens nothing more. A process that has
found or verified a version, and not loaded it yet, fails if the version goes meanwhile. That one was in use when the
process began, so two others must have come into use while it was loading; run again, it finds the last of them.
"""

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.cache.box.folder import BoxFolder
from diarize_runner.digests import Digest
from diarize_runner.disk import disk_errors
from diarize_runner.errors import ManifestError


@dataclass(frozen=True, kw_only=True, slots=True)
class BoxPrunePlan:
    """What a prune of a box takes away."""

    remove: tuple[Path, ...]
    """The folders of versions, and what is left of some that a killed run began with."""
    bytes_freed: int
    """What they hold, without the blobs that versions which stay share with them."""


def plan_box_prune(box: BoxFolder, after: Digest | None = None) -> BoxPrunePlan:
    """Find out what may go: now, or once the version whose manifest has the digest `after` has come into use.

    Raises:
        ManifestError: no version is in use, so that none can be told from an old one.
        DiskError: the box cannot be read.
    """
    with disk_errors(box.root):
        kept = {folder.resolve() for folder in _kept(box, after)}
        remove = tuple(folder for folder in box.restored() if folder.resolve() not in kept)
        return BoxPrunePlan(remove=remove, bytes_freed=_bytes_only_in(remove))


def prune_box(box: BoxFolder) -> BoxPrunePlan:
    """Take away what may go now, and return what that was. A restore or a switch at the same time takes turns with it.

    Raises as `plan_box_prune` does, and:
        DiskError: the disk refused; what is in use is as it was, and the next run goes on.
    """
    with disk_errors(box.root), box.exclusively():
        plan = plan_box_prune(box)
        for folder in plan.remove:
            box.remove(folder)
    return plan


def _kept(box: BoxFolder, after: Digest | None) -> tuple[Path, Path]:
    coming = box.version(after) if after else box.current
    if after and coming.resolve() != box.current.resolve():
        return coming, box.current
    if not box.current.is_dir():
        hint = "restore one first: diarize-runner cache restore --store STORE --into DIR"
        raise ManifestError(f"{box.root} has no version in use", hint=hint)
    return box.current, box.previous


def _bytes_only_in(folders: Iterable[Path]) -> int:
    """Return the size of the files that no other folder has a link to: blobs are shared by hard links."""
    files = [status for folder in folders for status in _files_in(folder)]
    links = Counter((status.st_dev, status.st_ino) for status in files)
    found = {(status.st_dev, status.st_ino): status for status in files}
    return sum(status.st_size for inode, status in found.items() if links[inode] == status.st_nlink)


def _files_in(folder: Path) -> Iterator[os.stat_result]:
    for parent, _, names in os.walk(folder):
        for name in names:
            status = Path(parent, name).lstat()
            if stat.S_ISREG(status.st_mode):
                yield status
