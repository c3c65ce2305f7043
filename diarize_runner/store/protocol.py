"""Where published versions live.

    ArchiveStore           read: a small object, a range, a listing
      WritableArchiveStore   and write: once (`create`), by compare-and-swap (`swap`), by `copy` and `delete`

Names ("keys") are relative paths. A version's own names are only ever created, and so are those of the wheels that
versions share; what lies under `latest/` is copied over, and its pointer is swapped. Stores differ in how, never in
what: one contract test runs over all of them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from diarize_runner.digests import Digest


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredDocument:
    """A small object, read whole, and the state it was in: `swap` takes it back as proof of what was read."""

    data: bytes
    state: str
    """Opaque: an ETag, or a digest."""


class ArchiveStore(Protocol):
    """A store that can be read."""

    url: str
    """What errors call the store."""

    def read(self, key: str) -> StoredDocument:
        """Read a small object; raise ObjectNotFound when there is none of that name."""

    def read_range(self, key: str, offset: int, length: int) -> Iterator[bytes]:
        """Yield `length` bytes from `offset` on; fewer when the object ends before. Raises ObjectNotFound."""

    def versions(self) -> Iterable[str]:
        """Every version with a manifest, in no order; raise StoreError when the store cannot be listed."""


class WritableArchiveStore(ArchiveStore, Protocol):
    """A store that can be written."""

    def create(self, key: str, source: Path) -> None:
        """Store the file `source` as `key`, whole or not at all; raise ObjectExists when the name is taken."""

    def copy(self, source: str, key: str) -> None:
        """Copy an object inside the store, whole or not at all, over whatever `key` was; raises ObjectNotFound."""

    def swap(self, key: str, data: bytes, *, expected: StoredDocument | None) -> None:
        """Store `data` as `key` if the object still is `expected` (None: absent); raise SwapLost otherwise."""

    def size(self, key: str) -> int:
        """Return the bytes of an object, without reading it; raise ObjectNotFound when there is none of that name."""

    def digest(self, key: str) -> Digest:
        """Hash an object; raise ObjectNotFound when there is none of that name."""

    def keys(self, prefix: str) -> Iterable[str]:
        """Every object whose name begins with `prefix`, in no order."""

    def delete(self, key: str) -> None:
        """Delete an object, if it is there."""


def version_key(version: str, name: str) -> str:
    """Return where a file of a version lies."""
    return f"v{version}/{name}"


def latest_key(name: str) -> str:
    """Return where a file of the latest version is copied to, or the pointer lies."""
    return f"latest/{name}"
