#!/usr/bin/env python3
"""Divide a box into the layers of an image: `layers.py BOX LAYERS`, with the Python of the box's release.

The packages move to BOX/packages, a path that no release changes, so that their layers stay the same when only the
toolkit is new. Files that no command loads are removed, and those that differ between builds of the same version.
Byte-code is written here, as a container has a read-only disk.
"""

import os
import shutil
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

from diarize_runner.cache.builder import byte_code
from diarize_runner.cache.builder.installed_tree import HOST_FILES, LEFT_OUT, is_left_out, unlist_host_files

LAYERS = {
    "cuda": ("nvidia*", "cuda*"),
    "torch": ("torch", "torch-*", "torchgen", "functorch", "triton*"),
    "toolkit": ("diarize_runner*",),
}
"""What changes together. podman keeps each layer four times while it builds, so the largest decides about the disk."""
SETUP = (".lock", ".matplotlib", ".sample.json")
"""Of a release: what its installation and its check left, such as the time that the check took."""
CURRENT, CACHE, PACKAGES = "opt/diarize-runner/current", "var/lib/diarize-runner/cache", "packages"


def main() -> None:
    """Divide the box."""
    box, layers = map(Path, sys.argv[1:])
    release = (box / CURRENT).resolve()
    (site_packages,) = release.glob("lib/python3*/site-packages")
    remove_setup(release)
    leave_out(site_packages)
    compile_packages(site_packages)
    move_packages(site_packages, box, layers)
    for layer, path in (("models", box / CACHE), ("toolkit", release), ("toolkit", box / CURRENT)):
        move_to(layers / layer, path, path)


def remove_setup(release: Path) -> None:
    """Remove the files of `SETUP`."""
    for path in (release / name for name in SETUP):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def leave_out(site_packages: Path) -> None:
    """Remove the files that no command loads, and those that say when and where they were installed."""
    for record in site_packages.glob("*.dist-info/RECORD"):
        unlist_host_files(record)
    for path in site_packages.rglob("*"):
        if path.is_file() and is_left_out(str(path.relative_to(site_packages)), (*LEFT_OUT, *HOST_FILES)):
            path.unlink()


def compile_packages(site_packages: Path) -> None:
    """Write the byte-code of each module, which does not say where it was made."""
    program = [sys.executable, "-I", "-S", "-W", "ignore", byte_code.__file__]
    environment = {"PATH": os.defpath, "PYTHONHASHSEED": "0"}
    words = [*program, str(site_packages), str(os.cpu_count() or 1)]
    subprocess.run(words, env=environment, check=True)  # noqa: S603  # no user input


def move_packages(site_packages: Path, box: Path, layers: Path) -> None:
    """Move each package into its layer; leave a link to where the image has all of them."""
    for entry in sorted(site_packages.iterdir()):
        move_to(layers / layer_of(entry.name), entry, box / PACKAGES / entry.name)
    site_packages.rmdir()
    site_packages.symlink_to(box / PACKAGES)


def layer_of(name: str) -> str:
    """Return the layer of an entry of site-packages."""
    found = (layer for layer, patterns in LAYERS.items() if matches(name, patterns))
    return next(found, "packages")


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether the name matches one of the patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def move_to(layer: Path, path: Path, target: Path) -> None:
    """Move a file or folder into the layer, where the image has it at `target`."""
    moved = layer / target.relative_to("/")
    moved.parent.mkdir(parents=True, exist_ok=True)
    path.rename(moved)


if __name__ == "__main__":
    main()
