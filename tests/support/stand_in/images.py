"""The images of a release of the stand-in toolkit: its wheels, unpacked, as squashfs."""

import io
import subprocess
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from support.images import carry_images

PARTS = {"cuda": ("cryptography-",), "rest": ("pyyaml-",)}
"""The wheels in each image, by the beginning of their names."""
_REPRODUCIBLE = ("-all-time", "0", "-mkfs-time", "0", "-all-root", "-no-xattrs", "-noappend", "-no-exports")


def carry_environment(built, wheels, python="3.11"):
    """Add the images of `wheels`, contents by name, to the version in `built`."""
    with TemporaryDirectory() as folder:
        images = {}
        for part, beginnings in PARTS.items():
            name = f"environment-cp{python.replace('.', '')}-{part}.squashfs"
            images[name] = _image([wheels[each] for each in wheels if each.startswith(beginnings)], f"{folder}/{part}")
    return carry_images(built, images)


def _image(wheels, folder):
    for wheel in wheels:
        zipfile.ZipFile(io.BytesIO(wheel)).extractall(folder)
    command = ["mksquashfs", folder, f"{folder}.squashfs", "-comp", "zstd", *_REPRODUCIBLE, "-no-progress", "-quiet"]
    subprocess.run(command, check=True, capture_output=True)
    return Path(f"{folder}.squashfs").read_bytes()
