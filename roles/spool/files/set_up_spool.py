#!/usr/bin/env python3
"""Create the user of the spool, its folders and its units, or correct them; print what changed as JSON.

    set_up_spool.py DOCUMENT [--plan]

DOCUMENT is JSON: the `user`, with its comment, home and shell; the `folder`, and the modes of the `parts` in it; the
files that are `private` to the user, which exist; the texts of the `units` by path; and the unit to `watch` with, now
and after each boot. The folder itself is readable for all users, and only its owner may change it; the parts belong to
the user and its group. A link to a folder counts as that folder.

The script runs on the box and needs only the standard library. A run that is killed at any step leaves the rest to the
next one: systemd says of a unit that was written after it was loaded that it needs a reload.
"""

import grp
import json
import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Container
from pathlib import Path
from typing import Any, NamedTuple

FOLDER_MODE, UNIT_MODE, PRIVATE_MODE = 0o755, 0o644, 0o600
ENVIRONMENT = {"PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}
STATE = "--property=UnitFileState,ActiveState,NeedDaemonReload"


class Account(NamedTuple):
    """A system user as it must be, with a group of the same name."""

    name: str
    comment: str
    home: str
    shell: str

    def is_there(self) -> bool:
        """Whether the user exists with its comment, home and shell."""
        found = find_user(self.name)
        return bool(found) and (found.pw_gecos, found.pw_dir, found.pw_shell) == self[1:]

    def create(self) -> None:
        """Create or correct it; create no home."""
        settings = ["-c", self.comment, "-d", self.home, "-s", self.shell, self.name]
        if find_user(self.name):
            run("usermod", *settings)
        else:
            group = ["--gid", self.name] if has_group(self.name) else ["--user-group"]
            run("useradd", "--system", "--no-create-home", *group, *settings)


class Folder(NamedTuple):
    """A folder as it must be."""

    path: Path
    mode: int
    owner: str
    """The name of the user, and of its group; empty accepts any."""

    def is_there(self) -> bool:
        """Whether the folder exists with its mode and its owner."""
        if not self.path.is_dir():
            return False
        found = self.path.stat()
        return stat.S_IMODE(found.st_mode) == self.mode and (not self.owner or self.is_owner(found))

    def is_owner(self, found: os.stat_result) -> bool:
        """Whether the folder belongs to the user, who may not exist yet."""
        user = find_user(self.owner)
        return bool(user) and (found.st_uid, found.st_gid) == (user.pw_uid, user.pw_gid)

    def create(self) -> None:
        """Create the folder if it is missing; set its owner first, because that clears bits of the mode."""
        for parent in reversed([path for path in self.path.parents if not path.exists()]):
            parent.mkdir(exist_ok=True)
            parent.chmod(FOLDER_MODE)
        self.path.mkdir(exist_ok=True)
        if user := find_user(self.owner):
            os.chown(self.path, user.pw_uid, user.pw_gid)
        self.path.chmod(self.mode)


class PrivateFile(NamedTuple):
    """A file of an administrator that only the user may read; its content is never read here."""

    path: Path
    owner: str
    """The name of the user, and of its group."""

    def is_there(self) -> bool:
        """Whether the file belongs to the user, who may not exist yet, and nobody else can read it."""
        found, user = self.path.stat(), find_user(self.owner)
        belongs = bool(user) and (found.st_uid, found.st_gid) == (user.pw_uid, user.pw_gid)
        return belongs and stat.S_IMODE(found.st_mode) == PRIVATE_MODE

    def create(self) -> None:
        """Take the file from all others first, then give it to the user."""
        self.path.chmod(PRIVATE_MODE)
        user = pwd.getpwnam(self.owner)
        os.chown(self.path, user.pw_uid, user.pw_gid)


class Unit(NamedTuple):
    """The file of a unit as it must be."""

    path: Path
    text: str

    def is_there(self) -> bool:
        """Whether the file exists with its text and mode."""
        if not self.path.is_file():
            return False
        return self.path.read_text("utf-8") == self.text and stat.S_IMODE(self.path.stat().st_mode) == UNIT_MODE

    def create(self) -> None:
        """Replace the file by rename."""
        fresh = self.path.with_name(f".{self.path.name}-fresh")
        fresh.write_text(self.text, "utf-8")
        fresh.chmod(UNIT_MODE)
        fresh.replace(self.path)


def main() -> None:
    """Create what is missing; with --plan only print it."""
    document, plan = json.loads(sys.argv[1]), sys.argv[2:] == ["--plan"]
    try:
        json.dump({"changed": set_up(document, plan)}, sys.stdout)
    except OSError as reason:
        sys.exit(f"error: {reason.filename}: {reason.strerror}\nhint: check the folder and its disk, then run again")


def set_up(document: dict[str, Any], plan: bool) -> list[str]:  # noqa: FBT001  # the option
    """Return what was or would be created, corrected or started."""
    targets = read_targets(document)
    missing = {name: target for name, target in targets.items() if not target.is_there()}
    if not plan:
        for target in missing.values():
            target.create()
    watching = missing_steps(document["watch"], list(document["units"]), missing)
    if not plan:
        for step in watching:
            run("systemctl", *step)
    return [*missing, *(" ".join(step) for step in watching)]


def read_targets(document: dict[str, Any]) -> dict[str, Account | Folder | PrivateFile | Unit]:
    """Return the user, the folders, the files and the units, in the order in which they need each other, by name."""
    folder, user = Path(document["folder"]), document["user"]
    parts = {str(folder / name): Folder(folder / name, int(mode, 8), user) for name, mode in document["parts"].items()}
    return {
        f"the user {user}": Account(user, *(document[name] for name in ("comment", "home", "shell"))),
        str(folder): Folder(folder, FOLDER_MODE, ""),
        **parts,
        **{path: PrivateFile(Path(path), user) for path in document["private"]},
        **{path: Unit(Path(path), text) for path, text in document["units"].items()},
    }


def missing_steps(watch: str, units: list[str], changed: Container[str]) -> list[list[str]]:
    """Return the arguments of systemctl that are needed to watch the inbox, with the units that have changed.

    The service is not restarted, so that it can finish its work; changes apply the next time it starts. The unit that
    watches is stopped before systemd reads it again, and started last: if a kill comes between, it does not run.
    """
    states = {name: read_state(name) for name in (Path(unit).name for unit in units)}
    stale = [unit for unit in units if unit in changed or states[Path(unit).name].get("NeedDaemonReload") == "yes"]
    active, enabled = (states[watch].get(name) for name in ("ActiveState", "UnitFileState"))
    return [
        *([["stop", watch]] if stale and active == "active" else []),
        *([["daemon-reload"]] if stale else []),
        *([["enable", "--quiet", watch]] if enabled != "enabled" else []),
        *([["start", watch]] if stale or active != "active" else []),
    ]


def read_state(unit: str) -> dict[str, str]:
    """Return what systemd says of a unit; a unit that does not exist is inactive."""
    command = ["systemctl", "show", STATE, unit]
    shown = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)  # noqa: S603  # no input
    return dict(line.split("=", 1) for line in shown.stdout.splitlines() if "=" in line)


def run(*command: str) -> None:
    """Run a command; exit if it fails."""
    done = subprocess.run(command, env=ENVIRONMENT, stdout=sys.stderr, check=False)  # noqa: S603  # built above
    if done.returncode:
        sys.exit(f"error: {' '.join(command)} failed ({done.returncode})\nhint: see its output above")


def find_user(name: str) -> "pwd.struct_passwd | None":
    """Return the entry of a user, or None."""
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def has_group(name: str) -> bool:
    """Whether there is a group of that name."""
    try:
        return bool(grp.getgrnam(name))
    except KeyError:
        return False


if __name__ == "__main__":
    main()
