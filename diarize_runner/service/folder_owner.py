"""Refuse a folder that another user of the box made, or can write to: its owner could read and exchange recordings."""

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from diarize_runner.disk import disk_errors
from diarize_runner.errors import UsageError
from diarize_runner.service.folder import ServiceFolder


def require_own_folder(folder: ServiceFolder) -> None:
    """Check the folder, the folders in it, and the queue.

    Raises:
        UsageError: another user owns one of them, or all users can write to it.
        DiskError: it cannot be read or written.
    """
    with disk_errors(folder.path):
        ours = {0, os.geteuid(), _owner_of_new_files(folder.path)}
        for path in _parts(folder):
            _require_own(path, path.stat(follow_symlinks=path == folder.path), ours)


def _owner_of_new_files(folder: Path) -> int:
    """Return who this process is on the file system: NFS and EFS may map users."""
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        return os.fstat(file.fileno()).st_uid


def _parts(folder: ServiceFolder) -> Iterator[Path]:
    yield from (folder.path, folder.jobs, folder.all_incoming, folder.incoming)
    yield from sorted(folder.path.glob("queue.db*"))


def _require_own(path: Path, status: os.stat_result, ours: set[int]) -> None:
    hint = "use another --folder, which the service makes itself"
    if status.st_uid not in ours:
        raise UsageError(f"{path} belongs to user {status.st_uid}, who could read recordings", hint=hint)
    # In a folder with the sticky bit, such as /tmp, only a file's owner can rename or remove it: chmod(2).
    if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX and not stat.S_ISLNK(status.st_mode):
        raise UsageError(f"all users can write to {path}", hint=f"run: chmod o-w {path}")
