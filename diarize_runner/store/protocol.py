"""The interface of every store.

    ArchiveStore           reads: a small object, a range, a listing
      WritableArchiveStore   also writes: once (`create`), by compare-and-swap (`swap`), by `copy` and `delete`

Keys are relative paths. All stores behave alike: one contract test runs over all of them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from diarize_runner.digests import Digest

MAX_DOCUMENT_BYTES = 16 << 20
"""About twenty times the manifest of a large cache."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredDocument:
    """A small object with its state, which `swap` compares."""

    data: bytes
    state: str
    """Opaque: an ETag, or a digest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredObject:
    """An object as a listing shows it, without reading it."""

    key: str
    size: int
    """Bytes."""
    state: str
    """Opaque, and another when the object changes: an ETag, or a file's size, time and inode. Not that of `read`."""


class ArchiveStore(Protocol):
    """A store that can be read."""

    url: str
    """The store's name in errors."""

    def read(self, key: str, max_bytes: int = MAX_DOCUMENT_BYTES) -> StoredDocument:
        """Read a small object.

        Raises:
            ObjectNotFound: the key does not exist.
            StoreError: the object exceeds `max_bytes`.
        """

    def read_range(self, key: str, offset: int, length: int) -> Iterator[bytes]:
        """Yield `length` bytes from `offset`, or fewer if the object ends earlier. Raises ObjectNotFound."""

    def list_folders(self, prefix: str, *, containing: str) -> Iterable[str]:
        """Return the folders that begin with `prefix` and contain the object `containing`, in any order.

        Raises:
            StoreError: the store cannot be listed.
        """


class WritableArchiveStore(ArchiveStore, Protocol):
    """A store that can be written."""

    def create(self, key: str, source: Path) -> None:
        """Upload the file `source` as `key`, atomically; raise ObjectExists when the key exists."""

    def copy(self, source: str, key: str) -> None:
        """Copy an object within the store, atomically, and overwrite `key`. Raises ObjectNotFound."""

    def swap(self, key: str, data: bytes, *, expected: StoredDocument | None) -> None:
        """Write `data` to `key` if the object is still `expected` (None: absent); raise SwapConflict otherwise."""

    def size(self, key: str) -> int:
        """Return an object's size in bytes without reading it. Raises ObjectNotFound."""

    def digest(self, key: str) -> Digest:
        """Return an object's digest. Raises ObjectNotFound."""

    def keys(self, prefix: str) -> Iterable[str]:
        """Return the keys that begin with `prefix`, in any order."""

    def objects(self, prefix: str) -> Iterator[StoredObject]:
        """Yield the objects whose keys begin with `prefix`, in any order, while the listing goes on.

        Raises:
            StoreError: the store cannot be listed.
        """

    def find(self, key: str) -> StoredObject:
        """Return an object as a listing shows it. Raises ObjectNotFound."""

    def delete(self, key: str) -> None:
        """Delete an object if it exists."""
