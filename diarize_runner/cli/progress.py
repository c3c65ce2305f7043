"""Progress, as people see it: a bar per stage on a terminal, one line every 30 s elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from diarize_runner.progress import Progress

EVERY = 30.0
"""Seconds between lines."""


@contextmanager
def progress_for(stream: TextIO) -> Iterator[Progress]:
    """Yield the progress that suits `stream`."""
    if not stream.isatty():
        yield ProgressLines(stream, time.monotonic)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Bars(*columns, console=Console(file=stream), transient=True) as bars:
        yield ProgressBars(bars)


class ProgressBars:
    """A bar per stage."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def advance(self, stage: str, *, completed: int, total: int) -> None:
        """Draw it."""
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=total)
        self._bars.update(self._tasks[stage], completed=completed, total=total)


class ProgressLines:
    """A line when a stage has gone on for 30 s more, with elapsed and remaining time."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream, self._clock = stream, clock
        self._stage, self._started, self._told = "", 0.0, 0.0

    def advance(self, stage: str, *, completed: int, total: int) -> None:
        """Write a line, if it is time for one."""
        now = self._clock()
        if stage != self._stage:
            self._stage, self._started, self._told = stage, now, now
        if now - self._told < EVERY or not completed or not total:
            return
        self._told, elapsed = now, now - self._started
        remaining = elapsed / completed * (total - completed)
        share = 100 * completed / total
        self._stream.write(f"{stage}: {share:.0f} %, {elapsed:.0f} s elapsed, about {remaining:.0f} s remaining\n")
        self._stream.flush()
