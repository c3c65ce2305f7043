"""How fast a store sends: found out by asking it for a little, so that a plan can say how long a restore takes."""

import time
from concurrent.futures import ThreadPoolExecutor

from diarize_runner.cache.box.fetch import CONNECTIONS, PublishedArchive
from diarize_runner.cache.documents.manifest import BlobSpan
from diarize_runner.errors import IntegrityError

_SAMPLE = 4 << 20
"""Bytes per connection at the most."""
_LONG_ENOUGH = 1.0
"""Seconds."""


def measured_rate(archive: PublishedArchive, spans: tuple[BlobSpan, ...]) -> float:
    """Read the beginning of the largest `spans` (at least one), as a restore would; return bytes per second.

    Raises:
        StoreError: the store refused or could not be reached.
        IntegrityError: the archive ends before all of them.
    """
    samples = sorted(spans, key=lambda span: -span.length)[:CONNECTIONS]
    began = time.monotonic()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        came = sum(pool.map(lambda span: _sample(archive, span, began + _LONG_ENOUGH), samples))
    if not came:
        hint = "it was altered after it was published: publish it again under a new version"
        raise IntegrityError(f"{archive.store.url}/{archive.key} is cut short", hint=hint)
    return came / (time.monotonic() - began)


def _sample(archive: PublishedArchive, span: BlobSpan, deadline: float) -> int:
    came = 0
    for piece in archive.store.read_range(archive.key, span.offset, min(span.length, _SAMPLE)):
        came += len(piece)
        if time.monotonic() > deadline:
            break
    return came
