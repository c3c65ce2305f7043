#!/usr/bin/env python3
"""Make a release the current one, and remove the releases, toolkits, inputs and images that are no longer in use.

With --no-release, only unmount and remove all images.

The script runs on the box and needs only the standard library. It prints, as JSON, whether it changed anything, the
folders and images that it removed, and the releases that it kept. A run that is killed at any step leaves a current
release, and the next run does the rest: a file of an image is created before its mount point and its unit, and removed
after them.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ENVIRONMENT = {"PATH": os.environ.get("PATH", os.defpath)}
UNITS = Path("/etc/systemd/system")
IMAGE = re.compile(r"\.?([0-9a-f]{64})\.squashfs(\.incomplete)?")
FRESH = "releases/.fresh-link"
"""A new link, until its rename: in a folder that the receipt lists, so that `reset` removes it after a kill."""


def main() -> None:
    """Switch, flush and remove; with --plan only print what would change."""
    arguments = read_arguments()
    try:
        json.dump(remove_all_images(arguments) if arguments.no_release else use_release(arguments), sys.stdout)
    except OSError as reason:
        sys.exit(
            f"error: {reason.filename}: {reason.strerror}\nhint: check the permissions and the disk, then run again"
        )


def read_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Make a release the current one, and remove unused ones.")
    parser.add_argument("--home", type=Path, required=True, help="the folder that holds releases, toolkits and inputs")
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--release", help="the name of the release to make current")
    wanted.add_argument("--no-release", action="store_true", help="only unmount and remove all images")
    parser.add_argument("--toolkit", default="", help="the name of the toolkit in use")
    parser.add_argument("--inputs", default="", help="the name of the inputs in use")
    parser.add_argument("--plan", action="store_true", help="print what would change, and change nothing")
    return parser.parse_args()


def use_release(arguments: argparse.Namespace) -> dict[str, object]:
    """Return whether anything changed or would change, the removed folders and images, and the releases to keep."""
    home, before = arguments.home, read_links(arguments.home)
    after = {**before, "current": f"releases/{arguments.release}"}
    if before.get("current", after["current"]) != after["current"]:
        after["previous"] = before["current"]
    releases = {Path(link).name for link in after.values()}
    unused = sorted(folders_except(home, {*releases, arguments.toolkit, arguments.inputs}))
    images = images_except(home, releases)
    if not arguments.plan:
        write_links(home, before, after)
        for folder in unused:
            shutil.rmtree(folder)
        remove_images(home, images)
    removed = [str(path) for path in (*unused, *images)]
    return {"changed": after != before or bool(removed), "removed": removed, "kept": sorted(releases)}


def remove_all_images(arguments: argparse.Namespace) -> dict[str, object]:
    """Return whether any image was or would be removed, and which."""
    images = images_except(arguments.home, set())
    if not arguments.plan:
        remove_images(arguments.home, images)
    return {"changed": bool(images), "removed": [str(image) for image in images], "kept": []}


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


def images_except(home: Path, releases: set[str]) -> dict[Path, str]:
    """Return the files of images that none of the releases names, complete or not, with their digests."""
    kept = {digest for release in releases for digest in digests_of(home / "releases" / release / "images.json")}
    found = {path: match[1] for path in (home / "images").glob("*") if (match := IMAGE.fullmatch(path.name))}
    return {path: digest for path, digest in sorted(found.items()) if digest not in kept}


def remove_images(home: Path, images: Mapping[Path, str]) -> None:
    """Unmount and remove images."""
    for path, digest in images.items():
        remove_image(home / "images" / digest[:12], path, home / "receipt.json")


def digests_of(listed: Path) -> list[str]:
    """Return the digests of the images of a release; none if its packages come from wheels."""
    if not listed.is_file():
        return []
    return [image["digest"].removeprefix("sha256:") for image in json.loads(listed.read_text("utf-8"))["images"]]


def remove_image(point: Path, image: Path, receipt: Path) -> None:
    """Remove the unit of an image, its mount point, the image, and its lines in the receipt."""
    escape = ["systemd-escape", "--path", "--suffix=mount", str(point)]
    named = subprocess.run(escape, env=ENVIRONMENT, capture_output=True, text=True, check=True)  # noqa: S603  # no input
    unit = UNITS / named.stdout.strip()
    if unit.is_file():
        systemctl("disable", "--quiet", "--now", unit.name)
        unit.unlink()
        systemctl("daemon-reload")
    if point.is_dir():
        point.rmdir()
    forget(receipt, [str(image), str(unit)])
    image.unlink()


def systemctl(*arguments: str) -> None:
    """Run systemctl; exit if it fails."""
    command = ["systemctl", *arguments]
    done = subprocess.run(command, env=ENVIRONMENT, stdout=sys.stderr, check=False)  # noqa: S603  # no user input
    if done.returncode:
        sys.exit(f"error: systemctl {' '.join(arguments)} failed ({done.returncode})\nhint: see its output above")


def forget(receipt: Path, paths: list[str]) -> None:
    """Remove paths from the receipt, if it exists."""
    if not receipt.is_file():
        return
    listed = json.loads(receipt.read_text("utf-8"))
    listed["paths"] = [path for path in listed["paths"] if path not in paths]
    fresh = receipt.with_name(f".{receipt.name}-fresh")
    fresh.unlink(missing_ok=True)
    with fresh.open("x", encoding="utf-8") as file:
        file.write(json.dumps(listed, indent=4, sort_keys=True, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(receipt)


if __name__ == "__main__":
    main()
