"""Progress, as people see it: a bar per stage on a terminal, one line every 30 s elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TextIO

from diarize_runner.controls import escaped
from diarize_runner.progress import Telling, Whole

EVERY = 30.0
"""Seconds between lines."""


@contextmanager
def progress_for(stream: TextIO) -> Iterator[Telling]:
    """Yield the progress that suits `stream`."""
    if not stream.isatty():
        yield ProgressLines(stream, time.monotonic)
        return
    from diarize_runner.cli.bars import drawn_on  # rich takes its time to import

    with drawn_on(stream) as bars:
        yield bars


class ProgressLines:
    """A line every 30 s, with elapsed and remaining time: of the whole, where that is known."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream, self._clock = stream, clock
        self._work, self._told = "", 0.0
        self._stage, self._started = "", 0.0

    def advance(self, stage: str, *, completed: int, total: int, whole: Whole | None = None) -> None:
        """Write a line, if it is time for one."""
        now, work = self._clock(), whole.name if whole else stage
        if work != self._work:
            self._work, self._told = work, now
        if stage != self._stage:
            self._stage, self._started = stage, now
        if now - self._told < EVERY or not completed or not total:
            return
        self._told, elapsed = now, now - self._started
        left = elapsed / completed * (total - completed)
        said = f"{stage}: {100 * completed / total:.0f} %, "
        self.tell(said + _times(left, elapsed) if whole is None else f"{whole.name}, {said}{_times_of(whole, left)}")

    def tell(self, line: str) -> None:
        """Write it."""
        self._stream.write(f"{escaped(line)}\n")
        self._stream.flush()

    def paused(self) -> AbstractContextManager[None]:
        """Do nothing: lines are never in the way."""
        return nullcontext()


def _times(remaining: float, elapsed: float) -> str:
    return f"{elapsed:.0f} s elapsed, about {remaining:.0f} s remaining"


def _times_of(whole: Whole, left: float) -> str:
    if whole.remaining is None:
        return f"{_times(left, whole.elapsed)} in this stage"
    return _times(whole.remaining, whole.elapsed)
