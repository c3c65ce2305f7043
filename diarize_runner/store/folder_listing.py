"""List the objects of a store in a folder."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from diarize_runner.store.protocol import StoredObject

_NO_OBJECT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
"""Errors of a file that is deleted meanwhile, and of a link that leads nowhere."""


def iter_objects(root: Path, prefix: str) -> Iterator[StoredObject]:
    """Yield the files below `root` whose keys begin with `prefix`, in the order of a bucket: that of the keys' bytes.

    Neither hidden files nor hidden folders hold objects: partial files and those of file managers are hidden. A link to
    a file within `root` is an object; links to folders and out of `root` are not. A name that is not UTF-8 has
    surrogate escapes, as in `os.fsdecode`. A file that is deleted meanwhile is left out.

    Raises:
        OSError: a folder cannot be read.
    """
    yield from _iter_folder(root.resolve(), "", prefix)


def _iter_folder(root: Path, parent: str, prefix: str) -> Iterator[StoredObject]:
    for key, entry in _sorted_entries(root, parent, prefix):
        if key.endswith("/"):
            yield from _iter_folder(root, key, prefix)
        elif found := _stored_object(root, key, entry):
            yield found


def _sorted_entries(root: Path, parent: str, prefix: str) -> list[tuple[str, os.DirEntry[str]]]:
    """Return the entries of a folder that may lead to keys with `prefix`, each with its key; a folder's ends in `/`."""
    try:
        with os.scandir(root / parent) as entries:
            keyed = [(parent + _name(entry), entry) for entry in entries if not entry.name.startswith(".")]
    except FileNotFoundError:
        return []
    found = [(key, entry) for key, entry in keyed if key.startswith(prefix) or _leads_to(key, prefix)]
    return sorted(found, key=lambda item: os.fsencode(item[0]))


def _name(entry: os.DirEntry[str]) -> str:
    return f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name


def _leads_to(key: str, prefix: str) -> bool:
    return key.endswith("/") and prefix.startswith(key)


def _stored_object(root: Path, key: str, entry: os.DirEntry[str]) -> StoredObject | None:
    """Return a file as an object; None for a special file, a link out of `root`, and a file that is gone."""
    if entry.is_symlink() and not Path(os.path.realpath(entry.path)).is_relative_to(root):
        return None
    try:
        if not entry.is_file():
            return None
        status = entry.stat()
    except OSError as reason:
        if reason.errno in _NO_OBJECT:
            return None
        raise
    return describe(key, status)


def describe(key: str, status: os.stat_result) -> StoredObject:
    """Return a file as an object."""
    state = f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}"
    return StoredObject(key=key, size=status.st_size, state=state)
