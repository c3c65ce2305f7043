"""List every file of a host, to compare before and after."""

import os
import stat
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

BY_ITSELF = (
    "/dev",
    "/proc",
    "/root/.ansible",
    "/run",
    "/sys",
    "/tmp",
    "/var/cache/apt",
    "/var/lib/systemd",
    "/var/log",
    "/var/tmp",
)
"""Paths that a host writes by itself, and Ansible's temporary files."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file, folder or link, with its mode and owner."""

    mode: str
    owner: tuple[int, int]
    content: str
    """The SHA-256 of a file, the target of a link; empty for others."""


def tree(root, *, ignoring=BY_ITSELF):
    """Return every entry below `root` by its path on the host."""
    found = {}
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        inside = "/" / here.relative_to(root)
        folders[:] = sorted(name for name in folders if str(inside / name) not in ignoring)
        for name in (*folders, *files):
            if str(inside / name) not in ignoring:
                found[str(inside / name)] = _entry(here / name)
    return found


def changes(before, after):
    """Return the paths that were added, removed or changed."""
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def _entry(path):
    status = path.lstat()
    return Entry(
        mode=stat.filemode(status.st_mode), owner=(status.st_uid, status.st_gid), content=_content(path, status)
    )


def _content(path, status):
    if stat.S_ISLNK(status.st_mode):
        return str(path.readlink())
    if stat.S_ISREG(status.st_mode):
        return _digest(path, status.st_ino, status.st_size, status.st_ctime_ns)
    return ""


@cache
def _digest(path, *_state):
    """Hash a file once per state: only the kernel sets its change time."""
    return sha256(path.read_bytes()).hexdigest()
