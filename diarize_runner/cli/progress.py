"""Progress, as people see it: a bar per stage on a terminal, one line every 30 s elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from diarize_runner.progress import Progress

EVERY = 30.0
"""Seconds between lines."""


@contextmanager
def progress_for(stream: TextIO) -> Iterator[Progress]:
    """Yield the progress that suits `stream`."""
    if not stream.isatty():
        yield ProgressLines(stream, time.monotonic)
        return
    from diarize_runner.cli.bars import drawn_on  # rich takes its time to import

    with drawn_on(stream) as bars:
        yield bars


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
