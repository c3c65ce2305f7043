"""A process of its own for each engine: what is cold is cold, and what one engine has in memory is not another's."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from diarize_runner import child
from diarize_runner.benchmark.bench import Done
from diarize_runner.benchmark.environment import Environment
from diarize_runner.benchmark.item import WorkItem
from diarize_runner.benchmark.measurement import MemorySample
from diarize_runner.benchmark.memory import resident
from diarize_runner.benchmark.worker import DESCRIBE, READY, Assignment, Loaded
from diarize_runner.child import Child, Died
from diarize_runner.errors import PipelineError

_MAIN = """
import sys
sys.path[:] = filter(None, sys.path)
from diarize_runner.benchmark.worker import main
main(*map(int, sys.argv[1:]))
"""
"""An empty name in `sys.path` stands for the working folder, where `python -c` looks for modules first."""
_MOST_SAMPLES = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """A process with a pipeline loaded."""

    loaded: Loaded
    began: float
    """When it was asked for, by the clock of this process."""
    child: Child

    def age(self) -> float:
        """Return the seconds since it was asked for."""
        return time.perf_counter() - self.began

    def run(self, item: WorkItem) -> Done:
        """Diarize; raises what was raised there, or PipelineError when the process died."""
        samples: list[MemorySample] = []
        asked = time.perf_counter()

        def look() -> None:
            bytes_now = resident(self.child.process.pid)
            if bytes_now is not None:
                samples.append(MemorySample(seconds=time.perf_counter() - asked, rss=bytes_now))

        done: Done = _asked(self.child, item, look)
        return replace(done, memory_over_time=_thinned(samples))

    def describe(self) -> Environment:
        """Describe the machine and what the process imported."""
        described: Environment = _asked(self.child, DESCRIBE)
        return described


@contextmanager
def started(assignment: Assignment) -> Iterator[Process]:
    """Start a process, have it load, and yield it; it is gone when the block ends.

    Raises:
        DiarizeRunnerError: what loading raised.
        PipelineError: the process died.
    """
    began = time.perf_counter()
    with child.started(_MAIN) as worker:
        _require_ready(worker)
        seconds = time.perf_counter() - began
        loaded: Loaded = _asked(worker, assignment)
        loaded = replace(loaded, loading=replace(loaded.loading, process=seconds))
        yield Process(loaded=loaded, began=began, child=worker)


def _require_ready(worker: Child) -> None:
    with _its_death():
        said = worker.first_word()
    if said != READY:
        raise PipelineError(f"the process that was to diarize said {said!r}")


def _asked(worker: Child, question: object, watch: Callable[[], object] | None = None) -> Any:
    with _its_death():
        return worker.ask(question, watch)


@contextmanager
def _its_death() -> Iterator[None]:
    try:
        yield
    except Died as how:
        hint = "what it last said is above; is there memory left?"
        raise PipelineError(f"the process that diarized {how}", hint=hint) from how


def _thinned(samples: list[MemorySample]) -> tuple[MemorySample, ...]:
    """Keep the most that was seen in each of a limited number of stretches."""
    width = -(-len(samples) // _MOST_SAMPLES) or 1
    parts = (samples[first : first + width] for first in range(0, len(samples), width))
    return tuple(max(part, key=lambda sample: sample.rss) for part in parts)
