"""The state of a batch, from what lies in OUTPUT: done, failed and left, RTF, cost, and the time left."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from diarize_runner.batch.attempts import AttemptLog, Attempts
from diarize_runner.batch.progress_log import WorkerProgress, read_progress
from diarize_runner.batch.results import CONFIGURATION, Results, read_sources
from diarize_runner.errors import DiarizeRunnerError, UsageError
from diarize_runner.progress import Progress
from diarize_runner.store.protocol import WritableArchiveStore

_ACTIVE: Final = 120.0
"""Seconds: a process writes its progress every 30 s, and after a recording."""
_HOUR: Final = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchStatus:
    """The state of one configuration."""

    configuration: str
    done: int
    failures: Sequence[Attempts]
    """Recordings without a result that were tried."""
    left: int | None
    """Recordings that have no result and are not given up; None if INPUT cannot be listed from here."""
    processes: Sequence[WorkerProgress]
    now: float
    """Unix time, in seconds."""
    problem: str = ""
    """Why INPUT cannot be listed."""

    @property
    def audio_seconds(self) -> float:
        """Return the seconds of audio that became results."""
        return sum(each.audio_seconds for each in self.processes)

    @property
    def processing_seconds(self) -> float:
        """Return the seconds of processing, of all workers together."""
        return sum(each.processing_seconds for each in self.processes)

    @property
    def real_time_factor(self) -> float | None:
        """Return processing time / audio duration."""
        return self.processing_seconds / self.audio_seconds if self.audio_seconds else None

    @property
    def worker_hours(self) -> float:
        """Return the hours that workers had, with start-up and waiting."""
        return sum(each.updated - each.began for each in self.processes) / _HOUR

    @property
    def active(self) -> Sequence[WorkerProgress]:
        """Return the processes that work now."""
        return [each for each in self.processes if not each.ended and self.now - each.updated < _ACTIVE]

    @property
    def seconds_left(self) -> float | None:
        """Return the time left at the present rate: recordings a second of the processes that work now."""
        rate = sum(each.done / (each.updated - each.began) for each in self.active if each.updated > each.began)
        if self.left == 0:
            return 0.0
        return self.left / rate if self.left and rate else None

    @property
    def shards_never_begun(self) -> Sequence[int]:
        """Return the shards that no process took, of the latest number of shards."""
        latest = max(self.processes, key=lambda each: each.began, default=None)
        if latest is None:
            return []
        begun = {each.shard for each in self.processes if each.shards == latest.shards}
        return [index for index in range(latest.shards) if index not in begun]

    def to_dict(self) -> dict[str, object]:
        """Return the JSON form."""
        return {
            "configuration": self.configuration,
            "done": self.done,
            "failed": [_document(each) for each in self.failures],
            "left": self.left,
            "audio_seconds": self.audio_seconds,
            "processing_seconds": self.processing_seconds,
            "real_time_factor": self.real_time_factor,
            "worker_hours": self.worker_hours,
            "active_workers": len(self.active),
            "seconds_left": self.seconds_left,
            "shards_never_begun": list(self.shards_never_begun),
        }


def read_status(
    store: WritableArchiveStore, progress: Progress, clock: Callable[[], float] = time.time
) -> list[BatchStatus]:
    """Return the state of each configuration that OUTPUT has results of.

    Raises:
        UsageError: OUTPUT holds no batch.
        StoreError: OUTPUT cannot be read.
        ManifestError: an object in it is invalid.
    """
    found = sorted(store.list_folders("", containing=CONFIGURATION))
    if not found:
        raise UsageError(f"{store.url} holds no batch", hint="name the OUTPUT of: diarize-runner batch INPUT OUTPUT")
    return [_status(store, name, progress, clock()) for name in found]


def _status(store: WritableArchiveStore, configuration: str, progress: Progress, now: float) -> BatchStatus:
    done, log = set(Results(store, configuration).names()), AttemptLog(store, configuration)
    attempts = log.read_each((name for name in log.names() if name not in done), progress)
    left, problem = None, ""
    try:
        left = sum(1 for name in _names(store, configuration) if name not in done and name not in attempts)
    except DiarizeRunnerError as error:
        problem = error.message
    return BatchStatus(
        configuration=configuration,
        done=len(done),
        failures=list(attempts.values()),
        left=left,
        processes=read_progress(store, configuration),
        now=now,
        problem=problem,
    )


def _names(store: WritableArchiveStore, configuration: str) -> Iterator[str]:
    """Yield the name of each recording, of every INPUT that the configuration was used for."""
    for source in read_sources(store, configuration):
        yield from (recording.name for recording in source.recordings())


def _document(attempts: Attempts) -> dict[str, object]:
    return {
        "key": attempts.key,
        "attempts": attempts.count,
        "error": attempts.problem,
        "hint": attempts.hint,
        "permanent": attempts.permanent,
    }
