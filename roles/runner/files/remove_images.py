#!/usr/bin/env python3
"""Unmount and remove the images in HOME/images, except those of the releases to keep; print the removed ones as JSON.

`- HOME [--plan] [RELEASE...]`; with --plan, print what would be removed. A file of an image is created before its mount
point and its unit, and removed after them, so that the next run finds everything that a killed one left.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ENVIRONMENT = {"PATH": os.environ.get("PATH", os.defpath)}
UNITS = Path("/etc/systemd/system")
IMAGE = re.compile(r"\.?([0-9a-f]{64})\.squashfs(\.incomplete)?")


def main() -> None:
    """Remove each image that no release to keep names."""
    home, *arguments = sys.argv[1:]
    releases = [argument for argument in arguments if argument != "--plan"]
    images = Path(home, "images")
    kept = {digest for release in releases for digest in digests_of(Path(home, "releases", release, "images.json"))}
    found = {path: match[1] for path in images.glob("*") if (match := IMAGE.fullmatch(path.name))}
    removed = {path: digest for path, digest in sorted(found.items()) if digest not in kept}
    if "--plan" not in arguments:
        for path, digest in removed.items():
            remove(images / digest[:12], path, Path(home, "receipt.json"))
    json.dump([str(path) for path in removed], sys.stdout)


def digests_of(listed: Path) -> list[str]:
    """Return the digests of the images of a release; none if its packages come from wheels."""
    if not listed.is_file():
        return []
    return [image["digest"].removeprefix("sha256:") for image in json.loads(listed.read_text("utf-8"))["images"]]


def remove(point: Path, image: Path, receipt: Path) -> None:
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
