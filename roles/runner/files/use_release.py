#!/usr/bin/env python3
"""Make a release the current one, and remove the releases, toolkits and inputs that are no longer in use.

The script runs on the box and needs only the standard library. It prints, as JSON, whether it changed anything, the
folders that it removed, and the releases that it kept. A run that is killed at any step leaves a current release, and
the next run does the rest.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ENVIRONMENT = {"PATH": os.environ.get("PATH", os.defpath)}
FRESH = "releases/.fresh-link"
"""A new link, until its rename: in a folder that the receipt lists, so that `reset` removes it after a kill."""


def main() -> None:
    """Switch, flush and remove; with --plan only print what would change."""
    arguments = read_arguments()
    try:
        json.dump(use_release(arguments), sys.stdout)
    except OSError as reason:
        sys.exit(
            f"error: {reason.filename}: {reason.strerror}\nhint: check the permissions and the disk, then run again"
        )


def read_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Make a release the current one, and remove unused ones.")
    parser.add_argument("--home", type=Path, required=True, help="the folder that holds releases, toolkits and inputs")
    parser.add_argument("--release", required=True, help="the name of the release to make current")
    parser.add_argument("--toolkit", required=True, help="the name of the toolkit in use")
    parser.add_argument("--inputs", required=True, help="the name of the inputs in use")
    parser.add_argument("--plan", action="store_true", help="print what would change, and change nothing")
    return parser.parse_args()


def use_release(arguments: argparse.Namespace) -> dict[str, object]:
    """Return whether anything changed or would change, the removed folders, and the releases to keep."""
    home, before = arguments.home, read_links(arguments.home)
    after = {**before, "current": f"releases/{arguments.release}"}
    if before.get("current", after["current"]) != after["current"]:
        after["previous"] = before["current"]
    releases = {Path(link).name for link in after.values()}
    unused = sorted(folders_except(home, {*releases, arguments.toolkit, arguments.inputs}))
    if not arguments.plan:
        write_links(home, before, after)
        for folder in unused:
            shutil.rmtree(folder)
    changed, removed = after != before or bool(unused), [str(folder) for folder in unused]
    return {"changed": changed, "removed": removed, "kept": sorted(releases)}


def read_links(home: Path) -> dict[str, str]:
    """Return the targets of the links that exist."""
    return {name: str((home / name).readlink()) for name in ("previous", "current") if (home / name).is_symlink()}


def write_links(home: Path, before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Replace the links that change, `previous` first, and flush them: later, folders that they named are removed."""
    for name in ("previous", "current"):
        if after.get(name) != before.get(name):
            replace_link(home, name, after[name])
    # Also if nothing changed: a killed run may have left links that are not on the disk yet.
    done = subprocess.run(["sync", "--file-system", home], env=ENVIRONMENT, check=False)  # noqa: S603, S607  # root's PATH
    if done.returncode:
        sys.exit(f"error: {home} cannot be flushed to disk\nhint: check the disk, then run again")


def replace_link(home: Path, name: str, target: str) -> None:
    """Replace a link by rename, so that it always exists."""
    fresh = home / FRESH
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(home / name)


def folders_except(home: Path, kept: set[str]) -> Iterator[Path]:
    """Yield the folders of releases, toolkits and inputs without those of the given names."""
    for parent in (home / "releases", home / "toolkits", home / "inputs"):
        for path in parent.iterdir() if parent.is_dir() else ():
            if path.is_dir() and not path.is_symlink() and path.name not in kept:
                yield path


if __name__ == "__main__":
    main()
