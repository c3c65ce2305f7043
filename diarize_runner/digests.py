"""SHA-256 digests, computed while reading or writing."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

READ_SIZE = 1 << 20
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
        """Parse `sha256:` and 64 lower-case hexadecimal digits. Raises ValueError."""
        algorithm, _, hexadecimal = text.partition(":")
        if algorithm != "sha256":
            raise ValueError(f"not a sha256 digest: {text!r}")
        return cls(hex=hexadecimal)


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """Size and digest of some bytes."""

    size: int
    """Bytes."""
    digest: Digest

    def to_dict(self) -> dict[str, object]:
        """Return the JSON form, as in manifests."""
        return {"size": self.size, "digest": str(self.digest)}


def hash_bytes(data: bytes) -> Content:
    """Return the size and digest of `data`."""
    return Content(size=len(data), digest=Digest(hex=hashlib.sha256(data).hexdigest()))


def hash_file(path: Path) -> Content:
    """Return the size and digest of a file, in one pass. Raises OSError."""
    with path.open("rb") as file:
        return write_and_hash(iter_chunks(file), None)


def iter_chunks(file: BinaryIO) -> Iterator[bytes]:
    """Yield the rest of `file`, a MiB at a time."""
    return iter(lambda: file.read(READ_SIZE), b"")


def write_and_hash(
    data: Iterable[bytes | memoryview], target: BinaryIO | None, *, after: Iterable[bytes] = ()
) -> Content:
    """Append `data` to `target`, if any, in one pass; return the content of `after`, already in it, plus `data`."""
    sha256, size = hashlib.sha256(), 0
    for existing in after:
        sha256.update(existing)
        size += len(existing)
    for chunk in data:
        sha256.update(chunk)
        size += len(chunk)
        if target is not None:
            target.write(chunk)
    return Content(size=size, digest=Digest(hex=sha256.hexdigest()))
