"""The programs of the build host that make environment images: mksquashfs, and the Pythons of the boxes."""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.cache.builder.pythons import current_python
from diarize_runner.child import child_environment
from diarize_runner.errors import UsageError

_PACKER = "mksquashfs"
_OPTIONS = ("-comp", "zstd", "-Xcompression-level", "3", "-b", "128K", "-all-root", "-no-xattrs", "-no-exports")
_REPRODUCIBLE = ("-noappend", "-all-time", "0", "-mkfs-time", "0", "-no-progress", "-quiet")
"""Times of files and of the image are 0; mksquashfs sorts names, and its result does not depend on its threads."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageTools:
    """Programs that exist on this host."""

    packer: str
    interpreters: Mapping[str, str]
    """The programs of the Pythons, by version such as `3.11`."""
    versions: Mapping[str, str]
    """What each program says about its version, by its name: other versions may write other bytes."""

    @classmethod
    def find(cls, pythons: Iterable[str]) -> "ImageTools":
        """Find the programs; raise UsageError when one is missing."""
        packer = shutil.which(_PACKER)
        if packer is None:
            hint = "install it, as with: apt-get install squashfs-tools"
            raise UsageError(f"{_PACKER} is not installed, and an image needs it", hint=hint)
        interpreters = {python: _interpreter(python) for python in sorted(set(pythons))}
        said = {python: _output(path, "-VV") for python, path in interpreters.items()}
        versions = {_PACKER: _output(packer, "-version").partition("\n")[0], **said}
        return cls(packer=packer, interpreters=interpreters, versions=versions)

    def pack_command(self, folder: Path, image: Path) -> list[str]:
        """Return the command that writes the content of `folder` to `image`."""
        return [self.packer, str(folder), str(image), *_OPTIONS, *_REPRODUCIBLE]

    def describe(self, python: str) -> tuple[str, ...]:
        """Return what decides about the bytes of an image, besides its wheels."""
        return (self.versions[_PACKER], self.versions[python], *_OPTIONS, *_REPRODUCIBLE)


def _interpreter(python: str) -> str:
    path = sys.executable if current_python() == python else shutil.which(f"python{python}")
    if path is None or not _output(path, "-V").startswith(f"Python {python}."):
        hint = f"install it, as with: uv python install {python}"
        raise UsageError(f"python{python} is not installed, and the byte-code of an image needs it", hint=hint)
    return path


def _output(*command: str) -> str:
    done = subprocess.run(  # noqa: S603  # no shell, our own arguments
        command, env=child_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()
