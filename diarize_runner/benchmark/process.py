"""A process of its own for each engine: what is cold is cold, and what one engine has in memory is not another's."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import Pipe
from typing import TYPE_CHECKING, Any

from diarize_runner.benchmark.bench import Done
from diarize_runner.benchmark.environment import Environment
from diarize_runner.benchmark.item import WorkItem
from diarize_runner.benchmark.measurement import MemorySample
from diarize_runner.benchmark.memory import resident
from diarize_runner.benchmark.worker import DESCRIBE, READY, Assignment, Loaded
from diarize_runner.children import child_environment
from diarize_runner.errors import PipelineError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_MAIN = """
import sys
sys.path[:] = filter(None, sys.path)
from diarize_runner.benchmark.worker import main
main(*map(int, sys.argv[1:]))
"""
"""`python -c` looks for modules in the working folder first, which an empty name in `sys.path` stands for."""
_STDERR = 2
"""The descriptor: what libraries print is no answer."""
_EVERY = 0.2
"""Seconds between two looks at the memory."""
_MOST_SAMPLES = 200
_PATIENCE = 10.0
"""Seconds that a process has to end by itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """A process with a pipeline loaded."""

    loaded: Loaded
    began: float
    """When it was asked for, by the clock of this process."""
    ask: "Ask"

    def age(self) -> float:
        """Return the seconds since it was asked for."""
        return time.perf_counter() - self.began

    def run(self, item: WorkItem) -> Done:
        """Diarize; raises what was raised there, or PipelineError when the process died."""
        samples: list[MemorySample] = []
        done: Done = self.ask(item, samples.append)
        return replace(done, memory_over_time=_thinned(samples))

    def describe(self) -> Environment:
        """Describe the machine and what the process imported."""
        described: Environment = self.ask(DESCRIBE)
        return described


@contextmanager
def started(assignment: Assignment) -> Iterator[Process]:
    """Start a process, have it load, and yield it; it is gone when the block ends.

    Raises:
        DiarizeRunnerError: what loading raised.
        PipelineError: the process died.
    """
    began = time.perf_counter()
    ours, theirs = Pipe()
    command = [sys.executable, "-W", "ignore", "-c", _MAIN, str(theirs.fileno()), str(os.getpid())]
    process = subprocess.Popen(  # noqa: S603  # no shell, and nothing a user typed
        command, pass_fds=[theirs.fileno()], env=child_environment(), stdin=subprocess.DEVNULL, stdout=_STDERR
    )
    theirs.close()
    try:
        ask = Ask(process, ours)
        ask.expect(READY)
        seconds = time.perf_counter() - began
        loaded: Loaded = ask(assignment)
        loaded = replace(loaded, loading=replace(loaded.loading, process=seconds))
        yield Process(loaded=loaded, began=began, ask=ask)
    finally:
        ours.close()
        _end(process)


class Ask:
    """Questions to a process, one at a time."""

    def __init__(self, process: "subprocess.Popen[bytes]", channel: "Connection[Any, Any]") -> None:
        self._process, self._channel = process, channel

    def __call__(self, question: object, watch: Callable[[MemorySample], object] | None = None) -> Any:
        """Return the answer, or raise it if it is an error; until it comes, let `watch` see the process's memory."""
        asked = time.perf_counter()
        try:
            self._channel.send(question)
            while watch and not self._channel.poll(_EVERY):
                bytes_now = resident(self._process.pid)
                if bytes_now is not None:
                    watch(MemorySample(seconds=time.perf_counter() - asked, rss=bytes_now))
            answer = self._channel.recv()
        except (EOFError, ConnectionError) as reason:
            raise self._died() from reason
        if isinstance(answer, Exception):
            raise answer
        return answer

    def expect(self, word: str) -> None:
        """Wait for the first word of the process."""
        try:
            said = self._channel.recv()
        except EOFError as reason:
            raise self._died() from reason
        if said != word:
            raise PipelineError(f"the process that was to diarize said {said!r}")

    def _died(self) -> PipelineError:
        code = self._process.wait()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return PipelineError(
            f"the process that diarized {how}", hint="what it last said is above; is there memory left?"
        )


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Wait until the process has seen that nobody asks any more, and end it if it does not."""
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _thinned(samples: list[MemorySample]) -> tuple[MemorySample, ...]:
    """Keep the most that was seen in each of a limited number of stretches."""
    width = -(-len(samples) // _MOST_SAMPLES) or 1
    parts = (samples[first : first + width] for first in range(0, len(samples), width))
    return tuple(max(part, key=lambda sample: sample.rss) for part in parts)
