"""Objects by name: what a store can do, wherever it is.

    ArchiveStore           read: a small object, a range, a listing
      WritableArchiveStore   and write: once (`create`), by compare-and-swap (`swap`), by `copy` and `delete`

Names ("keys") are relative paths. Stores differ in how, never in what: one contract test runs over all of them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from diarize_runner.digests import Digest

SMALL = 16 << 20
"""Bytes: some twenty times the manifest of a large cache."""


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

    def read(self, key: str, most: int = SMALL) -> StoredDocument:
        """Read a small object.

        Raises:
            ObjectNotFound: there is none of that name.
            StoreError: it holds more than `most` bytes.
        """

    def read_range(self, key: str, offset: int, length: int) -> Iterator[bytes]:
        """Yield `length` bytes from `offset` on; fewer when the object ends before. Raises ObjectNotFound."""

    def folders(self, prefix: str, *, holding: str) -> Iterable[str]:
        """Return the folders `prefix...` that hold an object of a name, in no order.

        Raises:
            StoreError: the store cannot be listed.
        """


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
