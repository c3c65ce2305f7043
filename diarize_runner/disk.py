"""Writes to the local disk that are whole or not there, and errors that say what the disk said."""

import ctypes
import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from diarize_runner.errors import DiskError

_LOCK_NAME = ".lock"
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
"""As linux/fcntl.h and linux/fs.h number them."""
_CANNOT_EXCHANGE = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
_HINTS = {
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "check the path: something in it is no folder",
    errno.ENOSPC: "free some space, then run again",
    errno.EDQUOT: "raise the quota, then run again",
    errno.EACCES: "check who owns the folder",
    errno.EPERM: "check who owns the folder",
    errno.EROFS: "choose a folder that can be written",
}


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an OSError into a DiskError about `path`."""
    try:
        yield
    except OSError as reason:
        hint = _HINTS.get(reason.errno or 0, "")
        raise DiskError(f"{reason.filename or path}: {reason.strerror or reason}", hint=hint) from reason


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path` by way of a temporary file beside it; raise OSError as `open` does.

    Who may read it is left to the umask: a transcript can be private.
    """
    written = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        with written.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        written.replace(path)
    except BaseException:
        written.unlink(missing_ok=True)
        raise


def link_atomically(path: Path, target: str) -> None:
    """Make `path` a symbolic link to `target`, over whatever link was there, in one step.

    Nobody else may do so at the same time. What a killed run left is taken away by the next.
    """
    fresh = path.with_name(f".{path.name}-fresh")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(path)


def lock_folder(folder: Path) -> int:
    """Wait until nobody else has the lock of `folder`; return a descriptor that has it until it is closed.

    NFS locks only what is open for writing (flock(2)), and a folder cannot be that: there a file in it is locked, which
    stays, and with it the folder.

    Raises:
        FileNotFoundError: the folder is not there, or was removed meanwhile.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.path.samestat(os.fstat(descriptor), folder.stat()):
            return descriptor
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))
    except OSError as reason:
        os.close(descriptor)
        if reason.errno != errno.EBADF:
            raise
    descriptor = os.open(folder / _LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o666)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def flush(path: Path) -> None:
    """Wait until what a file holds, or which names a folder has, would outlast a power cut; raise OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def exchange_folders(one: Path, other: Path) -> None:
    """Let two folders of one file system change places, so that there is always one at `other`; raise OSError.

    Where the file system cannot do that in one step, as NFS cannot, there is none at `other` for an instant.
    """
    try:
        _exchange(one, other)
    except OSError as reason:
        if reason.errno not in _CANNOT_EXCHANGE:
            raise
        aside = one.with_name(f"{one.name}-aside")
        shutil.rmtree(aside, ignore_errors=True)
        other.rename(aside)
        one.rename(other)
        aside.rename(one)


def _exchange(one: Path, other: Path) -> None:
    """renameat2(2), which Python's standard library has no name for."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(other))
