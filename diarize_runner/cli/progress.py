"""Progress for people: a bar per stage on a terminal, one line every 30 s elsewhere, nothing with `--quiet`."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TextIO

from diarize_runner.control_characters import escape_controls
from diarize_runner.progress import ConsoleProgress, OverallProgress

INTERVAL = 30.0
"""Seconds between lines."""


@contextmanager
def progress_for(stream: TextIO) -> Iterator[ConsoleProgress]:
    """Yield the progress that suits `stream`."""
    if not stream.isatty():
        yield lines_on(stream)
        return
    from diarize_runner.cli.bars import bars_on  # importing rich takes longer than many commands

    with bars_on(stream) as bars:
        yield bars


def lines_on(stream: TextIO) -> ConsoleProgress:
    """Return the progress that prints a line every 30 s, on terminals too."""
    return ProgressLines(stream, time.monotonic)


@contextmanager
def quiet_progress(_stream: TextIO) -> Iterator[ConsoleProgress]:
    """Yield a progress that prints nothing."""
    yield _QuietProgress()


class _QuietProgress:
    """Prints nothing."""

    def advance(self, stage: str, *, completed: int, total: int, overall: OverallProgress | None = None) -> None:
        """Do nothing."""

    def print_line(self, line: str) -> None:
        """Do nothing."""

    def paused(self) -> AbstractContextManager[None]:
        """Do nothing."""
        return nullcontext()


class ProgressLines:
    """Prints a line every 30 s, with the elapsed and the remaining time of the recording or the stage."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream, self._clock = stream, clock
        self._work, self._printed_at = "", 0.0
        self._stage, self._started_at = "", 0.0

    def advance(self, stage: str, *, completed: int, total: int, overall: OverallProgress | None = None) -> None:
        """Print a line if the last one is 30 s old."""
        now, work = self._clock(), overall.name if overall else stage
        if work != self._work:
            self._work, self._printed_at = work, now
        if stage != self._stage:
            self._stage, self._started_at = stage, now
        if now - self._printed_at < INTERVAL or not completed or not total:
            return
        self._printed_at, elapsed = now, now - self._started_at
        remaining = elapsed / completed * (total - completed)
        done = f"{stage}: {100 * completed / total:.0f} %, "
        self.print_line(
            done + _times(remaining, elapsed)
            if overall is None
            else f"{overall.name}, {done}{_times_of(overall, remaining)}"
        )

    def print_line(self, line: str) -> None:
        """Print it at once."""
        self._stream.write(f"{escape_controls(line)}\n")
        self._stream.flush()

    def paused(self) -> AbstractContextManager[None]:
        """Do nothing: lines do not mix with other output."""
        return nullcontext()


def _times(remaining: float, elapsed: float) -> str:
    return f"{elapsed:.0f} s elapsed, about {remaining:.0f} s remaining"


def _times_of(overall: OverallProgress, remaining_in_stage: float) -> str:
    if overall.remaining is None:
        return f"{_times(remaining_in_stage, overall.elapsed)} in this stage"
    return _times(overall.remaining, overall.elapsed)
