"""What a command was told to write: a file, whole or not at all; or a pipe or a device, which is written to."""

import os
import stat
import tempfile
from pathlib import Path

from diarize_runner.disk import disk_errors, write_atomically
from diarize_runner.errors import DiskError


def require_writable(path: Path) -> None:
    """Make the folder of an output, and raise DiskError when the file could not be written there."""
    hint, takes_writes = "name a file in a folder of your own", _is_no_file(path)
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
    with disk_errors(path):
        if _is_no_file(path):  # to put a file in its place would take /dev/null from everybody
            path.write_bytes(data)
        else:
            write_atomically(path.resolve(), data)


def _is_no_file(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
