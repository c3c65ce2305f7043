"""Atomic, durable writes to the local disk, and its errors as DiskError.

Every write survives a power cut: write the data, flush it, flush its folder, rename it into place, flush the new
folder. Only this module calls fsync.
"""

import ctypes
import errno
import fcntl
import glob
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

from diarize_runner.errors import DiskError, DiskFull

_LOCK_NAME = ".lock"
_MODE = 0o666
"""Of a new file, before the umask; Python's default."""
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
"""Values from linux/fcntl.h and linux/fs.h."""
_CANNOT_EXCHANGE = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EXDEV)
_CANNOT_LOCK = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
_CANNOT_FLUSH_FOLDER = (errno.EACCES, errno.EBADF, errno.EINVAL)
_STALE_AFTER = 24 * 3600.0
"""Seconds."""
_HINTS = {
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "check the path: a part of it is not a folder",
    errno.ENOSPC: "free some space, then run again",
    errno.EDQUOT: "raise the quota, then run again",
    errno.EACCES: "check who owns the folder",
    errno.EPERM: "check who owns the folder",
    errno.EROFS: "choose a writable folder",
    errno.EXDEV: "keep these folders on one file system",
}


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an OSError into a DiskError about `path`: DiskFull if there is no space, or no quota."""
    try:
        yield
    except OSError as reason:
        hint, kind = _HINTS.get(reason.errno or 0, ""), DiskFull if is_full(reason) else DiskError
        raise kind(f"{reason.filename or path}: {reason.strerror or reason}", hint=hint) from reason


def is_full(reason: OSError) -> bool:
    """Whether the disk, or the user's quota on it, is full."""
    return reason.errno in (errno.ENOSPC, errno.EDQUOT)


def write_atomically(path: Path, data: bytes, mode: int = _MODE) -> None:
    """Write `data` to `path` through a temporary file beside it, durably. Raises OSError.

    The umask limits the permissions in `mode`: a transcript can be private. The temporary name is unguessable, so no
    other user can place a link there first. Temporary files of killed runs are deleted after a day.
    """
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        write_new(temporary, data, mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    flush(path.parent)
    _delete_stale_temporaries(path)


def _delete_stale_temporaries(path: Path) -> None:
    """Delete the temporary files of killed runs. A younger one may belong to a running process."""
    for temporary in path.parent.glob(f".{glob.escape(path.name)}-{'[0-9a-f]' * 16}"):
        with suppress(OSError):
            if time.time() - temporary.lstat().st_mtime > _STALE_AFTER:
                temporary.unlink()


def write_new(path: Path, data: bytes, mode: int = _MODE) -> None:
    """Write and flush a new file; raise FileExistsError when the name exists, even as a link."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, mode), "wb") as file:
        file.write(data)
        flush_file(file)


def overwrite_file(path: Path, data: bytes) -> None:
    """Write and flush a file, and delete an existing one first. Not atomic: for folders without readers."""
    path.unlink(missing_ok=True)
    write_new(path, data)


def open_for_resuming(path: Path) -> BinaryIO:
    """Open a file, perhaps partly written by a killed run, for reading and appending. Raises OSError.

    Deletes a hard or symbolic link first, to protect its target.
    """
    with suppress(FileNotFoundError):
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            path.unlink()
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o666), "a+b")


def link_atomically(path: Path, target: str) -> None:
    """Make `path` a symbolic link to `target` and replace an existing link, atomically and durably.

    One caller at a time. Removes the temporary link of a killed run.
    """
    fresh = path.with_name(f".{path.name}-fresh")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(path)
    flush(path.parent)


def lock(descriptor: int, path: Path, how: int = fcntl.LOCK_EX) -> None:
    """Lock the open file `descriptor` at `path` with flock(2).

    Raises:
        DiskError: the file system has no locks.
        OSError: any other error of flock(2).
    """
    try:
        fcntl.flock(descriptor, how)
    except OSError as reason:
        if reason.errno not in _CANNOT_LOCK:
            raise
        hint = "use a folder on a local disk, or mount the share with locks (NFS: without nolock)"
        raise DiskError(f"{path} cannot be locked: {reason.strerror}", hint=hint) from reason


def lock_folder(folder: Path) -> int:
    """Wait for the lock of `folder`; return a descriptor that holds it until closed.

    NFS locks only files open for writing (flock(2)), which a folder cannot be. There the lock is on a file in the
    folder, which stays.

    Raises:
        FileNotFoundError: the folder does not exist, or was removed while waiting.
        DiskError: the file system has no locks.
    """
    try:
        return _open_locked(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as reason:
        if reason.errno != errno.EBADF:
            raise
    return _open_locked(folder / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW)


def _open_locked(path: Path, flags: int) -> int:
    descriptor = os.open(path, flags, 0o666)
    try:
        lock(descriptor, path)
        _require_same(descriptor, path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _require_same(descriptor: int, path: Path) -> None:
    if not os.path.samestat(os.fstat(descriptor), path.stat()):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))


def flush_file(file: IO[bytes]) -> None:
    """Flush an open file to disk, so that its data survives a power cut. Raises OSError."""
    file.flush()
    os.fsync(file.fileno())


def flush(path: Path) -> None:
    """Flush a file's data, or a folder's entries, to disk. Raises OSError.

    Skips a folder that may not be read, or whose file system cannot flush folders, as PostgreSQL does:
    https://github.com/postgres/postgres/blob/REL_17_0/src/common/file_utils.c (fsync_fname)
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as reason:
        if reason.errno not in _CANNOT_FLUSH_FOLDER or not path.is_dir():
            raise


def flush_folders(folder: Path) -> None:
    """Flush the entries of `folder` and of all folders below, but no file data. Raises OSError."""
    for parent, _, _ in os.walk(folder, topdown=False):
        flush(Path(parent))


def flush_parents(path: Path) -> None:
    """Flush every folder above `path`: this run, or a killed one, may have created some of them."""
    for folder in path.resolve().parents:
        flush(folder)


def move_folder(folder: Path, target: Path) -> None:
    """Rename a folder atomically and durably. Raises OSError.

    Copies and deletes it instead when it is on another file system, or in the lower layer of an overlay:
    https://docs.kernel.org/filesystems/overlayfs.html#renaming-directories
    """
    try:
        folder.rename(target)
    except OSError as reason:
        if reason.errno != errno.EXDEV:
            raise
        _copy_folder(folder, target)
        shutil.rmtree(folder)
    _flush_each(target.parent, folder.parent)


def _flush_each(one: Path, other: Path) -> None:
    flush(one)
    if other != one:
        flush(other)


def _copy_folder(folder: Path, target: Path) -> None:
    fresh = target.with_name(f".{target.name}-fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(folder, fresh, symlinks=True)
    for path in fresh.rglob("*"):
        if path.is_file() and not path.is_symlink():
            flush(path)
    flush_folders(fresh)
    fresh.rename(target)
    flush(target.parent)


def swap_folders(one: Path, other: Path) -> None:
    """Swap two folders of one file system, durably. Raises OSError.

    The swap is atomic if the file system supports that. Otherwise `other` is missing for a moment: on NFS for an
    instant, in an overlay while a folder of the lower layer is deleted.
    """
    try:
        _exchange(one, other)
    except OSError as reason:
        if reason.errno not in _CANNOT_EXCHANGE:
            raise
        aside = one.with_name(f"{one.name}-aside")
        shutil.rmtree(aside, ignore_errors=True)
        move_folder(other, aside)
        move_folder(one, other)
        move_folder(aside, one)
    _flush_each(other.parent, one.parent)


def _exchange(one: Path, other: Path) -> None:
    """Call renameat2(2), which Python's standard library lacks."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(other))
