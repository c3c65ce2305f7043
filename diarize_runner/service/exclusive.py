"""One server of a machine uses a folder: it locks a file there that has the machine's name."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from diarize_runner.disk import disk_errors, lock
from diarize_runner.errors import UsageError

_SUFFIX: Final = ".lock"


@contextmanager
def exclusive(folder: Path) -> Iterator[str]:
    """Yield the name of this box while no other server of this machine uses the folder.

    Raises:
        UsageError: another one uses it.
        DiskError: the folder cannot be written, or its file system has no locks.
    """
    name = socket.gethostname()
    with _opened(folder / f"{name}{_SUFFIX}") as descriptor:
        if not _is_free(descriptor, folder):
            raise UsageError(f"another server uses {folder}", hint="stop it, or use another --folder")
        yield name


def other_servers(folder: Path, name: str) -> tuple[str, ...]:
    """Return the names of the other machines whose servers use the folder. Raises DiskError."""
    others = (path for path in sorted(folder.glob(f"*{_SUFFIX}")) if path.name != f"{name}{_SUFFIX}")
    return tuple(path.name.removesuffix(_SUFFIX) for path in others if _is_locked(path))


def _is_locked(path: Path) -> bool:
    with _opened(path) as descriptor:
        return not _is_free(descriptor, path)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    with disk_errors(path):  # NFS locks only files that are open for writing
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_free(descriptor: int, path: Path) -> bool:
    """Lock an open file unless another process has; return whether it is locked now."""
    try:
        lock(descriptor, path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
