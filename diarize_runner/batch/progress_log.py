"""What a worker has done so far, in OUTPUT: `batch status` adds up these objects, and reads no result."""

import os
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from typing import Final

from diarize_runner.batch.outcomes import AlreadyDone, Done, Outcome
from diarize_runner.batch.shards import Shard
from diarize_runner.cache.documents.canonical import parse, serialise
from diarize_runner.errors import ObjectNotFound, SwapConflict
from diarize_runner.store.protocol import WritableArchiveStore

_FORMAT: Final = "batch-progress"
_INTERVAL: Final = 30.0
"""Seconds between two writes."""
_NUMBERS: Final = ("shard", "shards", "done", "already_done", "failed")
_SECONDS: Final = ("began", "updated", "audio_seconds", "processing_seconds")


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerProgress:
    """What a worker has done so far."""

    process: str
    """Host, process id and a random part."""
    shard: int
    shards: int
    began: float
    updated: float
    """Unix times, in seconds."""
    ended: bool = False
    done: int = 0
    already_done: int = 0
    failed: int = 0
    audio_seconds: float = 0.0
    processing_seconds: float = 0.0

    def after(self, outcome: Outcome) -> "WorkerProgress":
        """Return the progress with one more outcome."""
        if isinstance(outcome, AlreadyDone):
            return replace(self, already_done=self.already_done + 1)
        if not isinstance(outcome, Done):
            return replace(self, failed=self.failed + 1)
        return replace(
            self,
            done=self.done + 1,
            audio_seconds=self.audio_seconds + outcome.audio_seconds,
            processing_seconds=self.processing_seconds + outcome.processing_seconds,
        )

    def encode(self) -> bytes:
        """Return the JSON; times are in UTC."""
        times = {name: _to_text(getattr(self, name)) for name in ("began", "updated")}
        return serialise({"format": f"diarize-runner/{_FORMAT}/1", **asdict(self), **times})

    @classmethod
    def decode(cls, data: bytes, document: str) -> "WorkerProgress":
        """Parse what `encode` returned. Raises ManifestError."""
        node = parse(data, document)
        node.require_format(_FORMAT, 1)
        fields = node.fields(["format", "process", "ended", *_NUMBERS, *_SECONDS])
        try:
            times = {name: datetime.fromisoformat(fields[name].text()).timestamp() for name in ("began", "updated")}
        except ValueError as reason:
            raise node.error(str(reason)) from reason
        return cls(
            process=fields["process"].text(),
            ended=fields["ended"].flag(),
            audio_seconds=fields["audio_seconds"].number(),
            processing_seconds=fields["processing_seconds"].number(),
            shard=fields["shard"].count(),
            shards=fields["shards"].count(),
            done=fields["done"].count(),
            already_done=fields["already_done"].count(),
            failed=fields["failed"].count(),
            **times,
        )


class ProgressLog:
    """Writes the progress of a worker of this process: at the start, every 30 s, and at the end."""

    def __init__(
        self,
        store: WritableArchiveStore,
        configuration: str,
        shard: Shard,
        clock: Callable[[], float] = time.time,
    ) -> None:
        process, now = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}", clock()
        self._store, self._clock = store, clock
        self._key = f"{configuration}/progress/{process}.json"
        self.progress = WorkerProgress(process=process, shard=shard.index, shards=shard.count, began=now, updated=now)
        self.write()

    def add(self, outcome: Outcome) -> None:
        """Note an outcome. Raises StoreError."""
        self.progress = self.progress.after(outcome)
        if self._clock() - self.progress.updated >= _INTERVAL:
            self.write()

    def end(self) -> None:
        """Write the last progress. Raises StoreError."""
        self.progress = replace(self.progress, ended=True)
        self.write()

    def write(self) -> None:
        """Write the progress now. Raises StoreError."""
        self.progress = replace(self.progress, updated=self._clock())
        expected = None
        with suppress(ObjectNotFound):
            expected = self._store.read(self._key)
        with suppress(SwapConflict):  # only this process writes the object
            self._store.swap(self._key, self.progress.encode(), expected=expected)


def read_progress(store: WritableArchiveStore, configuration: str) -> list[WorkerProgress]:
    """Return the progress of every process that ever worked on a configuration. Raises StoreError, ManifestError."""
    keys = list(store.keys(f"{configuration}/progress/"))
    return [WorkerProgress.decode(store.read(key).data, key) for key in keys]


def _to_text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=timezone.utc).isoformat(timespec="milliseconds")
