"""What is measured: an engine on a device, and what came of it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from diarize_runner.benchmark.bench import Done
from diarize_runner.benchmark.environment import Environment
from diarize_runner.benchmark.item import WorkItem
from diarize_runner.benchmark.measurement import Batch, Start
from diarize_runner.benchmark.worker import Loaded


class Runner(Protocol):
    """A loaded engine; `process.Process` is one."""

    @property
    def loaded(self) -> Loaded:
        """What it loaded, and how long that took."""

    def age(self) -> float:
        """Return the seconds since it was asked for."""

    def run(self, item: WorkItem) -> Done:
        """Diarize."""

    def describe(self) -> Environment:
        """Describe the machine."""


Launch = Callable[[str, str], AbstractContextManager[Runner]]
"""Starts a new process that has an engine loaded on a device."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """An engine on a device, and what came of it so far."""

    runner: Runner
    starts: tuple[Start, ...]
    batches: tuple[Batch, ...]
    done: list[list[Done]] = field(default_factory=list)
    """By recording, in the order of the workload."""
