"""Keep matplotlib's list of fonts between the starts of our own processes.

pyannote.audio imports matplotlib, which lists the fonts of the system, unless its folder holds an earlier list.
isolation.py gives it an empty folder, so each start would take a quarter of a second to list fonts that nothing uses.

The list is JSON, so reading it executes nothing:
https://github.com/matplotlib/matplotlib/blob/v3.11.0/lib/matplotlib/font_manager.py (json_load). matplotlib gets a copy
in a temporary folder. So it finds no other file there, such as styles, and no lock of a killed process, for which it
would wait five seconds.
"""

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from diarize_runner.diarization.environment import temporary_environment
from diarize_runner.disk import write_atomically

_FOLDER: Final = "MPLCONFIGDIR"
_LISTS: Final = "fontlist-v*.json"
"""The name has the version of the format."""
_MAX_BYTES: Final = 16 << 20


@contextmanager
def kept_font_list(kept: Path) -> Iterator[None]:
    """Let an import of matplotlib in the block read the list in the folder `kept`, or else write it there.

    A folder that MPLCONFIGDIR names already is used instead. A list that cannot be read or written only costs time.

    Raises:
        OSError: the temporary folder cannot be created.
    """
    if _FOLDER in os.environ or "matplotlib" in sys.modules:
        yield
        return
    with TemporaryDirectory() as name:
        folder = Path(name)
        _copy_lists(kept, folder)
        before = _read_lists(folder)
        with temporary_environment({_FOLDER: name}):
            yield
        _keep(_read_lists(folder).items() - before.items(), kept)


def _copy_lists(kept: Path, folder: Path) -> None:
    for path in kept.glob(_LISTS):
        with suppress(OSError):
            (folder / path.name).write_bytes(_read_own(path))


def _read_lists(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob(_LISTS)}


def _read_own(path: Path) -> bytes:
    """Return the content of a file that only this user can write.

    Raises:
        OSError: another user can write it, or it cannot be read.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        if not _is_own(os.fstat(file.fileno())):
            raise PermissionError(f"{path} can be written by other users")
        return file.read(_MAX_BYTES)


def _is_own(status: os.stat_result) -> bool:
    user = os.geteuid()
    # A user's private group has the same number as the user.
    by_others = status.st_mode & stat.S_IWOTH or (status.st_mode & stat.S_IWGRP and status.st_gid != user)
    return stat.S_ISREG(status.st_mode) and status.st_uid == user and not by_others


def _keep(lists: Iterable[tuple[str, bytes]], kept: Path) -> None:
    with suppress(OSError):
        for name, content in lists:
            kept.mkdir(parents=True, exist_ok=True)
            write_atomically(kept / name, content)
