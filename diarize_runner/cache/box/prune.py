"""Remove old versions from a box: all but the current one and the previous one.

Open files stay readable, and a loaded pipeline opens no more files. A process that has not finished loading fails if
its version is removed. That takes two newer restores during one load; the next start uses the newest version.
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
    """What a prune of a box removes."""

    remove: tuple[Path, ...]
    """The folders of old versions, and those that a killed run left half removed."""
    bytes_freed: int
    """Their size, without the blobs that they share with the kept versions."""


def plan_box_prune(box: BoxFolder, after: Digest | None = None) -> BoxPrunePlan:
    """Plan a prune: of the box now, or as it will be when the version with the manifest digest `after` is current.

    Raises:
        ManifestError: the box has no current version, so no version counts as old.
        DiskError: the box cannot be read.
    """
    with disk_errors(box.root):
        kept = {folder.resolve() for folder in _versions_to_keep(box, after)}
        remove = tuple(folder for folder in box.version_folders() if folder.resolve() not in kept)
        return BoxPrunePlan(remove=remove, bytes_freed=_bytes_only_in(remove))


def prune_box(box: BoxFolder) -> BoxPrunePlan:
    """Remove old versions and return the executed plan. Concurrent restores and switches wait for the lock.

    Raises the errors of `plan_box_prune`, and:
        DiskError: a removal failed; the current version is unchanged, and the next run continues.
    """
    with disk_errors(box.root), box.locked():
        plan = plan_box_prune(box)
        for folder in plan.remove:
            box.remove(folder)
    return plan


def _versions_to_keep(box: BoxFolder, after: Digest | None) -> tuple[Path, Path]:
    next_version = box.version_folder(after) if after else box.current
    if after and next_version.resolve() != box.current.resolve():
        return next_version, box.current
    if not box.current.is_dir():
        hint = "restore one first: diarize-runner cache restore --store STORE --into DIR"
        raise ManifestError(f"{box.root} has no current version", hint=hint)
    return box.current, box.previous


def _bytes_only_in(folders: Iterable[Path]) -> int:
    """Return the size of the files whose hard links are all in `folders`: versions share blobs by hard links."""
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
