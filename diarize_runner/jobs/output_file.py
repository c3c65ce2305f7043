"""Write one output: a file, atomically, or a pipe or a device, directly."""

import os
import stat
import tempfile
from pathlib import Path

from diarize_runner.disk import disk_errors, write_atomically
from diarize_runner.errors import DiskError

_HINT = "name a file in a folder of your own"


def require_writable(path: Path) -> None:
    """Create the folder of an output; raise DiskError when the file could not be written there."""
    _refuse_foreign_link(path)
    hint, is_special = _HINT, _is_pipe_or_device(path)
    if path.is_dir() or (is_special and not os.access(path, os.W_OK)):
        raise DiskError(f"{path} cannot be written", hint=hint)
    if is_special:
        return
    folder = path.resolve().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()  # os.access() tells root that it may write to /proc, too
    except OSError as reason:
        raise DiskError(f"{path} cannot be written: {reason.strerror}", hint=hint) from reason


def write_output(path: Path, data: bytes) -> None:
    """Write an output, following links; raise DiskError when it cannot be written."""
    _refuse_foreign_link(path)
    with disk_errors(path):
        if _is_pipe_or_device(path):  # an atomic write would replace /dev/null with a file
            path.write_bytes(data)
        else:
            write_atomically(path.resolve(), data)


def _refuse_foreign_link(path: Path) -> None:
    """Raise DiskError for another user's link or pipe in a world-writable folder such as /tmp.

    The kernel does the same, but not for a link that is resolved before it is opened:
    https://docs.kernel.org/admin-guide/sysctl/fs.html#protected-symlinks
    """
    try:
        entry, folder = path.lstat(), path.parent.stat()
    except OSError:
        return
    shared = folder.st_mode & stat.S_ISVTX and folder.st_mode & stat.S_IWOTH
    if shared and not stat.S_ISREG(entry.st_mode) and entry.st_uid not in (os.geteuid(), folder.st_uid):
        raise DiskError(f"{path} is a link or a pipe of another user", hint=_HINT)


def _is_pipe_or_device(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
