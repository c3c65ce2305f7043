"""Read one object of a store by several connections, and yield its bytes in order."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from diarize_runner.store.protocol import ArchiveStore

CONNECTIONS = 4
RANGE = 8 << 20
"""Bytes of one request."""
_AHEAD = 8
"""Ranges in memory: those on the way, and those that wait for the disk."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredObject:
    """An object of known size in a store."""

    store: ArchiveStore
    key: str
    size: int
    """Bytes."""

    def read(self, start: int) -> Iterator[bytes]:
        """Yield the bytes from `start` in order, a range at a time. Raises StoreError.

        They are fewer if the object in the store is shorter.
        """
        offsets = iter(range(start, self.size, RANGE))
        with _pool() as pool:
            pending = deque(pool.submit(self._read_range, offset) for offset in islice(offsets, _AHEAD))
            while pending:
                yield pending.popleft().result()
                pending.extend(pool.submit(self._read_range, offset) for offset in islice(offsets, 1))

    def _read_range(self, offset: int) -> bytes:
        return b"".join(self.store.read_range(self.key, offset, min(RANGE, self.size - offset)))


@contextmanager
def _pool() -> Iterator[ThreadPoolExecutor]:
    """Yield a pool; at the end, drop the requests that have not started."""
    pool = ThreadPoolExecutor(max_workers=CONNECTIONS)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
