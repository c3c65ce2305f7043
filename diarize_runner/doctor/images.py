"""Check the images that the packages of an environment are mounted from."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.digests import Content, Digest, hash_file
from diarize_runner.disk import disk_errors
from diarize_runner.doctor.check import PROVISION
from diarize_runner.errors import DiarizeRunnerError, IntegrityError

LISTED = "images.json"
"""The role python_env writes it to the environment's folder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MountedImage:
    """An image that an environment needs."""

    file: Path
    point: Path
    """Where it is mounted."""
    content: Content

    def require_mounted(self) -> None:
        """Raise DiarizeRunnerError if the file is missing or has another size, or is not mounted."""
        if not self.file.is_file():
            raise DiarizeRunnerError(f"{self.file} does not exist", hint=PROVISION)
        if self.file.stat().st_size != self.content.size:
            raise self._damaged()
        if not self.point.is_mount():
            raise DiarizeRunnerError(f"{self.file} is not mounted at {self.point}", hint=PROVISION)

    def require_content(self) -> None:
        """Raise IntegrityError if a byte of the file has changed; reads all of it, gigabytes."""
        self.require_mounted()
        if hash_file(self.file) != self.content:
            raise self._damaged()

    def _damaged(self) -> IntegrityError:
        hint = f"delete it, then {PROVISION}"
        return IntegrityError(f"{self.file} is damaged: it does not have the digest in its name", hint=hint)


def check_images(environment: Path, require: Callable[[MountedImage], None]) -> str:
    """Say whether the packages are mounted from images, and check each one with `require`.

    Raises:
        IntegrityError: an image is damaged.
        DiarizeRunnerError: an image is missing, or is not mounted.
        DiskError: an image cannot be read.
    """
    images = _read(environment / LISTED)
    for image in images:
        with disk_errors(image.file):
            require(image)
    if not images:
        return "the packages are installed from wheels"
    total = sum(image.content.size for image in images)
    return f"the packages are mounted from {total / 1e9:.1f} GB of images"


def _read(listed: Path) -> tuple[MountedImage, ...]:
    if not listed.is_file():
        return ()
    return tuple(
        MountedImage(
            file=Path(image["path"]),
            point=Path(image["point"]),
            content=Content(size=image["size"], digest=Digest.parse(image["digest"])),
        )
        for image in json.loads(listed.read_text(encoding="utf-8"))["images"]
    )
