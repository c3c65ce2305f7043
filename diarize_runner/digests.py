"""SHA-256 digests, computed while bytes move."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

PIECE = 1 << 20
"""Bytes read at a time."""

_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Digest:
    """A SHA-256, written `sha256:<64 hexadecimal digits>`; `Digest.parse(str(d)) == d`."""

    hex: str

    def __post_init__(self) -> None:
        if not _HEX.fullmatch(self.hex):
            raise ValueError(f"not 64 lower-case hexadecimal digits: {self.hex!r}")

    def __str__(self) -> str:
        return f"sha256:{self.hex}"

    @classmethod
    def parse(cls, text: str) -> "Digest":
        """Raise ValueError when `text` is not `sha256:` and 64 lower-case hexadecimal digits."""
        algorithm, _, hexadecimal = text.partition(":")
        if algorithm != "sha256":
            raise ValueError(f"not a sha256 digest: {text!r}")
        return cls(hex=hexadecimal)


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """What a run of bytes is: how many, and their digest."""

    size: int
    """Bytes."""
    digest: Digest

    def to_dict(self) -> dict[str, object]:
        """Return the keys that documents write."""
        return {"size": self.size, "digest": str(self.digest)}


def content_of(data: bytes) -> Content:
    """Return the content of bytes in memory."""
    return Content(size=len(data), digest=Digest(hex=hashlib.sha256(data).hexdigest()))


def content_of_file(path: Path) -> Content:
    """Read `path` once; raise OSError as `open` does."""
    with path.open("rb") as file:
        return write_hashing(pieces(file), None)


def pieces(file: BinaryIO) -> Iterator[bytes]:
    """Return the rest of `file`, a MiB at a time."""
    return iter(lambda: file.read(PIECE), b"")


def write_hashing(
    data: Iterable[bytes | memoryview], target: BinaryIO | None, *, after: Iterable[bytes] = ()
) -> Content:
    """Write `data` to `target` (when there is one) and say what it holds, in one pass; `after` is there already."""
    sha256, size = hashlib.sha256(), 0
    for held in after:
        sha256.update(held)
        size += len(held)
    for piece in data:
        sha256.update(piece)
        size += len(piece)
        if target is not None:
            target.write(piece)
    return Content(size=size, digest=Digest(hex=sha256.hexdigest()))
