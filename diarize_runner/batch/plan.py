"""The addresses and options of a batch, which each worker gets; no secrets."""

from dataclasses import dataclass
from typing import Final

from diarize_runner.batch.configuration import Configuration
from diarize_runner.batch.shards import WHOLE, Shard
from diarize_runner.batch.source import InputSource
from diarize_runner.store.address import open_listable_store
from diarize_runner.store.protocol import WritableArchiveStore

DEFAULT_ATTEMPTS: Final = 5
"""A worker that is taken away, such as a spot instance, uses one up."""
DEFAULT_PREFETCH: Final = 2 << 30
"""Bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchPlan:
    """What to do, and where."""

    source: InputSource
    output: str
    """Address of the store of the results."""
    configuration: Configuration
    cache: str
    """Path of the cache, on each machine."""
    device: str
    voices: str = ""
    """Path of the file of voices, on each machine; empty if no speaker is to be named."""
    formats: tuple[str, ...] = ()
    """Besides JSON."""
    shard: Shard = WHOLE
    attempts: int = DEFAULT_ATTEMPTS
    """How often to try a recording."""
    prefetch_bytes: int = DEFAULT_PREFETCH
    """Bytes of recordings to hold on the local disk."""


def open_output(plan: BatchPlan) -> WritableArchiveStore:
    """Return the store of the results; raise UsageError when the address is no store, or cannot be written."""
    return open_listable_store(plan.output)
