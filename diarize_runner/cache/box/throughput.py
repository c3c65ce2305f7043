"""Measure the throughput of a store with small reads, so that a plan can estimate the duration of a restore."""

import time
from concurrent.futures import ThreadPoolExecutor

from diarize_runner.cache.box.fetch import CONNECTIONS, PublishedArchive
from diarize_runner.cache.documents.manifest import BlobSpan
from diarize_runner.errors import IntegrityError

_SAMPLE_BYTES = 4 << 20
"""At most, per connection."""
_SAMPLE_SECONDS = 1.0


def measure_throughput(archive: PublishedArchive, spans: tuple[BlobSpan, ...]) -> float:
    """Read the start of the largest `spans` (at least one) as a restore does; return bytes per second.

    Raises:
        StoreError: the store refused or could not be reached.
        IntegrityError: the archive ends before the spans start.
    """
    samples = sorted(spans, key=lambda span: -span.length)[:CONNECTIONS]
    start = time.monotonic()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        received = sum(pool.map(lambda span: _sample(archive, span, start + _SAMPLE_SECONDS), samples))
    if not received:
        hint = "publish it again under a new version: it was altered after it was published"
        raise IntegrityError(f"{archive.store.url}/{archive.key} is truncated", hint=hint)
    return received / (time.monotonic() - start)


def _sample(archive: PublishedArchive, span: BlobSpan, deadline: float) -> int:
    received = 0
    for chunk in archive.store.read_range(archive.key, span.offset, min(span.length, _SAMPLE_BYTES)):
        received += len(chunk)
        if time.monotonic() > deadline:
            break
    return received
