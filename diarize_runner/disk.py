"""Writes to the local disk that are whole or not there, and errors that say what the disk said.

What is done outlasts a power cut, because every write keeps one order: write the data, flush it, flush the folder that
it is in, rename it into place, flush the folder that it is in now. Only this module calls fsync.
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

from diarize_runner.errors import DiskError

_LOCK_NAME = ".lock"
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
"""As linux/fcntl.h and linux/fs.h number them."""
_CANNOT_EXCHANGE = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EXDEV)
_CANNOT_LOCK = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
_CANNOT_FLUSH_FOLDER = (errno.EACCES, errno.EBADF, errno.EINVAL)
_STALE = 24 * 3600.0
"""Seconds."""
_HINTS = {
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "check the path: something in it is no folder",
    errno.ENOSPC: "free some space, then run again",
    errno.EDQUOT: "raise the quota, then run again",
    errno.EACCES: "check who owns the folder",
    errno.EPERM: "check who owns the folder",
    errno.EROFS: "choose a folder that can be written",
    errno.EXDEV: "keep these folders on one file system",
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
    """Write `data` to `path` by way of a new file beside it, and outlast a power cut; raise OSError as `open` does.

    Who may read it is left to the umask: a transcript can be private. Nobody can guess the new file's name, and so
    nobody can put a link there first. What runs left there that were killed goes when it is a day old.
    """
    written = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        write_new(written, data)
        written.replace(path)
    except BaseException:
        written.unlink(missing_ok=True)
        raise
    flush(path.parent)
    _sweep(path)


def _sweep(path: Path) -> None:
    """Remove what killed runs left of `path`. A younger file may be that of a run at work."""
    for left in path.parent.glob(f".{glob.escape(path.name)}-{'[0-9a-f]' * 16}"):
        with suppress(OSError):
            if time.time() - left.lstat().st_mtime > _STALE:
                left.unlink()


def write_new(path: Path, data: bytes) -> None:
    """Write a new file, and flush what it holds; raise FileExistsError when something has the name, even a link."""
    with path.open("xb") as file:
        file.write(data)
        flush_file(file)


def write_afresh(path: Path, data: bytes) -> None:
    """Write a file in a folder that nobody reads yet, in place of whatever is there, and flush what it holds."""
    path.unlink(missing_ok=True)
    write_new(path, data)


def open_begun(path: Path) -> BinaryIO:
    """Open a file that a killed run may have begun, to read it and to append; raise OSError as `open` does.

    A link that somebody put there, hard or symbolic, goes first: what it leads to is not ours to write.
    """
    with suppress(FileNotFoundError):
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            path.unlink()
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o666), "a+b")


def link_atomically(path: Path, target: str) -> None:
    """Make `path` a symbolic link to `target`, over whatever link was there, in one step that outlasts a power cut.

    Nobody else may do so at the same time. What a killed run left is taken away by the next.
    """
    fresh = path.with_name(f".{path.name}-fresh")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(path)
    flush(path.parent)


def lock(descriptor: int, path: Path, how: int = fcntl.LOCK_EX) -> None:
    """Lock what `descriptor` has open at `path`, as flock(2) does.

    Raises:
        DiskError: its file system has no locks.
        OSError: as flock(2) does otherwise.
    """
    try:
        fcntl.flock(descriptor, how)
    except OSError as reason:
        if reason.errno not in _CANNOT_LOCK:
            raise
        hint = "use a folder on a local disk, or mount the share with locks that work (NFS: not with nolock)"
        raise DiskError(f"{path} cannot be locked: {reason.strerror}", hint=hint) from reason


def lock_folder(folder: Path) -> int:
    """Wait until nobody else has the lock of `folder`; return a descriptor that has it until it is closed.

    NFS locks only what is open for writing (flock(2)), and a folder cannot be that: there a file in it is locked, which
    stays, and with it the folder.

    Raises:
        FileNotFoundError: the folder is not there, or was removed meanwhile.
        DiskError: its file system has no locks.
    """
    try:
        return _locked(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as reason:
        if reason.errno != errno.EBADF:
            raise
    return _locked(folder / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW)


def _locked(path: Path, flags: int) -> int:
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
    """Wait until what was written to an open file would outlast a power cut; raise OSError."""
    file.flush()
    os.fsync(file.fileno())


def flush(path: Path) -> None:
    """Wait until what a file holds, or which names a folder has, would outlast a power cut; raise OSError.

    Where a file system flushes no folders, or this one may not be read, there is nothing to wait for:
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
    """Flush the names in `folder` and in every folder under it, but not what files hold; raise OSError."""
    for parent, _, _ in os.walk(folder, topdown=False):
        flush(Path(parent))


def flush_above(path: Path) -> None:
    """Flush every folder above `path`: a run may have made some of them, this one or one that was killed."""
    for folder in path.resolve().parents:
        flush(folder)


def move_folder(folder: Path, target: Path) -> None:
    """Give a folder another name, in one step that outlasts a power cut; raise OSError.

    One of another file system is copied and then removed, and so is one from the image under an overlay, which
    cannot be renamed either: https://docs.kernel.org/filesystems/overlayfs.html#renaming-directories
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


def exchange_folders(one: Path, other: Path) -> None:
    """Let two folders of one file system change places, and outlast a power cut; raise OSError.

    There is always one at `other`, unless the file system cannot exchange them in one step: on NFS there is none for an
    instant, and in an overlay for as long as it takes to remove one that is of the image.
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
    """renameat2(2), which Python's standard library has no name for."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(other))
