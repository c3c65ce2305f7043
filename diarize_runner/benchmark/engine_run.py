"""One engine on one device, while a benchmark runs it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from diarize_runner.benchmark.environment import Environment
from diarize_runner.benchmark.item import WorkItem
from diarize_runner.benchmark.measurement import Batch, Start
from diarize_runner.benchmark.timed_call import CallResult
from diarize_runner.benchmark.worker import LoadedEngine


class Runner(Protocol):
    """A loaded engine; `process.WorkerProcess` is one."""

    @property
    def loaded(self) -> LoadedEngine:
        """What the runner loaded, and how long that took."""

    def age(self) -> float:
        """Return the seconds since the launch."""

    def run(self, item: WorkItem) -> CallResult:
        """Diarize one recording."""

    def describe(self) -> Environment:
        """Describe the machine."""


Launch = Callable[[str, str], AbstractContextManager[Runner]]
"""Launches a new process that loads an engine on a device."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineRun:
    """An engine on a device, with its results so far."""

    runner: Runner
    starts: tuple[Start, ...]
    batches: tuple[Batch, ...]
    results: list[list[CallResult]] = field(default_factory=list)
    """Per recording, in the order of the workload."""
