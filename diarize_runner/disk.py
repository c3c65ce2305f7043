"""Writes to the local disk that are whole or not there, and errors that say what the disk said."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from diarize_runner.errors import DiskError

_HINTS = {
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
