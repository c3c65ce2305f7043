"""Run each engine in its own process: starts are cold, and engines share no memory."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from diarize_runner import child
from diarize_runner.benchmark.environment import Environment
from diarize_runner.benchmark.item import WorkItem
from diarize_runner.benchmark.measurement import MemorySample
from diarize_runner.benchmark.memory import resident_bytes
from diarize_runner.benchmark.timed_call import CallResult
from diarize_runner.benchmark.worker import DESCRIBE, READY, LoadedEngine, LoadRequest
from diarize_runner.child import Child, ChildDied
from diarize_runner.errors import PipelineError

_MAIN = """
import sys
sys.path[:] = filter(None, sys.path)
from diarize_runner.benchmark.worker import main
main(*map(int, sys.argv[1:]))
"""
"""`python -c` puts an empty entry first in `sys.path`, the working folder: do not import from there."""
_MAX_SAMPLES = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerProcess:
    """A worker process with a loaded pipeline."""

    loaded: LoadedEngine
    launched_at: float
    """By this process's `time.perf_counter`."""
    child: Child

    def age(self) -> float:
        """Return the seconds since the launch."""
        return time.perf_counter() - self.launched_at

    def run(self, item: WorkItem) -> CallResult:
        """Diarize; raise the worker's error, or PipelineError if the worker dies."""
        samples: list[MemorySample] = []
        start = time.perf_counter()

        def sample_memory() -> None:
            rss = resident_bytes(self.child.process.pid)
            if rss is not None:
                samples.append(MemorySample(seconds=time.perf_counter() - start, rss=rss))

        result: CallResult = _ask(self.child, item, sample_memory)
        return replace(result, memory_over_time=_downsample(samples))

    def describe(self) -> Environment:
        """Describe the machine and the worker's packages."""
        environment: Environment = _ask(self.child, DESCRIBE)
        return environment


@contextmanager
def start_worker(request: LoadRequest) -> Iterator[WorkerProcess]:
    """Start a worker, load an engine in it, and yield it; end it when the block ends.

    Raises:
        DiarizeRunnerError: loading failed.
        PipelineError: the process died.
    """
    launched_at = time.perf_counter()
    with child.start_child(_MAIN) as worker:
        _require_ready(worker)
        seconds = time.perf_counter() - launched_at
        loaded: LoadedEngine = _ask(worker, request)
        loaded = replace(loaded, loading=replace(loaded.loading, process=seconds))
        yield WorkerProcess(loaded=loaded, launched_at=launched_at, child=worker)


def _require_ready(worker: Child) -> None:
    with _pipeline_errors():
        message = worker.receive_first_message()
    if message != READY:
        raise PipelineError(f"the worker process sent {message!r} instead of {READY!r}")


def _ask(worker: Child, question: object, watch: Callable[[], object] | None = None) -> Any:
    with _pipeline_errors():
        return worker.ask(question, watch)


@contextmanager
def _pipeline_errors() -> Iterator[None]:
    try:
        yield
    except ChildDied as how:
        hint = "see the output above, and check for free memory"
        raise PipelineError(f"the worker process {how}", hint=hint) from how


def _downsample(samples: list[MemorySample]) -> tuple[MemorySample, ...]:
    """Keep the highest sample of each of at most 200 equal intervals."""
    width = -(-len(samples) // _MAX_SAMPLES) or 1
    parts = (samples[first : first + width] for first in range(0, len(samples), width))
    return tuple(max(part, key=lambda sample: sample.rss) for part in parts)
