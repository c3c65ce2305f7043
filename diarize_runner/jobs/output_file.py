"""What a command was told to write: a file, whole or not at all; or a pipe or a device, which is written to."""

import os
import stat
import tempfile
from pathlib import Path

from diarize_runner.disk import disk_errors, write_atomically
from diarize_runner.errors import DiskError

_HINT = "name a file in a folder of your own"


def require_writable(path: Path) -> None:
    """Make the folder of an output, and raise DiskError when the file could not be written there."""
    _require_own(path)
    hint, takes_writes = _HINT, _is_no_file(path)
    if path.is_dir() or (takes_writes and not os.access(path, os.W_OK)):
        raise DiskError(f"{path} cannot be written", hint=hint)
    if takes_writes:
        return
    folder = path.resolve().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()  # root may write anywhere, by what access() says: not in /proc
    except OSError as reason:
        raise DiskError(f"{path} cannot be written: {reason.strerror}", hint=hint) from reason


def write_output(path: Path, data: bytes) -> None:
    """Write it, where a link leads to, too; raise DiskError when that cannot be."""
    _require_own(path)
    with disk_errors(path):
        if _is_no_file(path):  # to put a file in its place would take /dev/null from everybody
            path.write_bytes(data)
        else:
            write_atomically(path.resolve(), data)


def _require_own(path: Path) -> None:
    """Refuse a link or a pipe that somebody else put where all may write, as in /tmp; raise DiskError.

    The kernel refuses to follow and to open these there, but a link that is resolved first it does not see:
    https://docs.kernel.org/admin-guide/sysctl/fs.html#protected-symlinks
    """
    try:
        there, folder = path.lstat(), path.parent.stat()
    except OSError:
        return
    shared = folder.st_mode & stat.S_ISVTX and folder.st_mode & stat.S_IWOTH
    if shared and not stat.S_ISREG(there.st_mode) and there.st_uid not in (os.geteuid(), folder.st_uid):
        raise DiskError(f"{path} was put there by another user, and leads elsewhere", hint=_HINT)


def _is_no_file(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
