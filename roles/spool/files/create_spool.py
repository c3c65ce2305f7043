#!/usr/bin/env python3
"""Create the folder of the spool and those in it, or correct their owners and modes; print what changed as JSON.

    create_spool.py FOLDER USER NAME=MODE... [--plan]

The folder itself is readable for all users, and only its owner may change it. The others belong to USER and its group.
The script runs on the box and needs only the standard library. A link to a folder counts as that folder.
"""

import json
import os
import pwd
import stat
import sys
from pathlib import Path
from typing import NamedTuple

PARENT_MODE = 0o755


class Target(NamedTuple):
    """A folder as it must be."""

    path: Path
    mode: int
    owner: tuple[int, int] | None
    """The numbers of the user and of its group; None accepts any."""

    def is_there(self) -> bool:
        """Whether the folder exists with its mode and its owner."""
        if not self.path.is_dir():
            return False
        found = self.path.stat()
        return stat.S_IMODE(found.st_mode) == self.mode and self.owner in (None, (found.st_uid, found.st_gid))

    def create(self) -> None:
        """Create the folder if it is missing; set its owner first, because that clears bits of the mode."""
        for parent in reversed([path for path in self.path.parents if not path.exists()]):
            parent.mkdir(exist_ok=True)
            parent.chmod(PARENT_MODE)
        self.path.mkdir(exist_ok=True)
        if self.owner:
            os.chown(self.path, *self.owner)
        self.path.chmod(self.mode)


def main() -> None:
    """Create what is missing; with --plan only print it."""
    plan = sys.argv[-1] == "--plan"
    folder, user, *parts = sys.argv[1:-1] if plan else sys.argv[1:]
    try:
        changed = plan_folders(Path(folder), user, parts) if plan else create_folders(Path(folder), user, parts)
    except OSError as reason:
        sys.exit(f"error: {reason.filename}: {reason.strerror}\nhint: check the folder and its disk, then run again")
    json.dump({"changed": changed}, sys.stdout)


def plan_folders(folder: Path, user: str, parts: list[str]) -> list[str]:
    """Return the paths of the folders that are missing or different. The user may not exist yet."""
    try:
        owner = owner_of(user)
    except KeyError:
        owner = (-1, -1)
    return [str(target.path) for target in targets(folder, owner, parts) if not target.is_there()]


def create_folders(folder: Path, user: str, parts: list[str]) -> list[str]:
    """Create or correct the folders; return the paths of those that were missing or different."""
    missing = [target for target in targets(folder, owner_of(user), parts) if not target.is_there()]
    for target in missing:
        target.create()
    return [str(target.path) for target in missing]


def targets(folder: Path, owner: tuple[int, int], parts: list[str]) -> list[Target]:
    """Return the folder and those in it."""
    named = [part.split("=") for part in parts]
    return [Target(folder, PARENT_MODE, None), *(Target(folder / name, int(mode, 8), owner) for name, mode in named)]


def owner_of(user: str) -> tuple[int, int]:
    """Return the numbers of a user and of its group. Raises KeyError if there is no such user."""
    found = pwd.getpwnam(user)
    return (found.pw_uid, found.pw_gid)


if __name__ == "__main__":
    main()
