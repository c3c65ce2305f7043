"""Which servers may use a folder at a time: one with a queue in SQLite, or several boxes with a queue in PostgreSQL.

SQLite needs a local disk: on a shared file system, two machines would destroy `queue.db` (https://sqlite.org/wal.html).
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from diarize_runner.disk import disk_errors, lock
from diarize_runner.errors import UsageError

_SUFFIX: Final = ".lock"
_ALL: Final = "servers"


@contextmanager
def alone(folder: Path, box: str) -> Iterator[None]:
    """Use the folder alone.

    Raises:
        UsageError: another server uses it.
        DiskError: the folder cannot be written, or its file system has no locks.
    """
    hint = "stop it, or use another --folder; boxes that share a folder need a queue in PostgreSQL"
    message = f"another server uses {folder}"
    with _locked(folder / _ALL, fcntl.LOCK_EX, message, hint), _locked(_of(box, folder), fcntl.LOCK_EX, message, hint):
        yield


@contextmanager
def shared(folder: Path, box: str) -> Iterator[None]:
    """Use the folder together with boxes of other names. Raises as `alone` does."""
    hint = "give it the same DIARIZE_RUNNER_DATABASE_URL, or use another --folder"
    message = f"another server uses {folder}, with a queue in SQLite"
    hint_of_name, message_of_name = (
        "stop it, or give each box a host name of its own",
        f"another server with the host name {box} uses {folder}",
    )
    with (
        _locked(folder / _ALL, fcntl.LOCK_SH, message, hint),
        _locked(_of(box, folder), fcntl.LOCK_EX, message_of_name, hint_of_name),
    ):
        yield


def other_servers(folder: Path, box: str) -> tuple[str, ...]:
    """Return the names of the other boxes whose servers use the folder. Raises DiskError."""
    others = (path for path in sorted(folder.glob(f"*{_SUFFIX}")) if path != _of(box, folder))
    return tuple(path.name.removesuffix(_SUFFIX) for path in others if _is_locked(path))


def _of(box: str, folder: Path) -> Path:
    return folder / f"{box}{_SUFFIX}"


@contextmanager
def _locked(path: Path, how: int, message: str, hint: str) -> Iterator[None]:
    """Hold a lock of the file; raise UsageError if another process has it."""
    with _opened(path) as descriptor:
        if not _is_free(descriptor, path, how):
            raise UsageError(message, hint=hint)
        yield


def _is_locked(path: Path) -> bool:
    with _opened(path) as descriptor:
        return not _is_free(descriptor, path, fcntl.LOCK_EX)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    with disk_errors(path):  # NFS locks only files that are open for writing
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_free(descriptor: int, path: Path, how: int) -> bool:
    """Lock an open file unless another process has; return whether it is locked now."""
    try:
        lock(descriptor, path, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
