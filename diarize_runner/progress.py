"""Interfaces by which long-running work reports its progress."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


class Progress(Protocol):
    """Receives the progress of stages; `diarize_runner.cli.progress` displays it."""

    def advance(self, stage: str, *, completed: int, total: int) -> None:
        """Report that `stage` has done `completed` of `total` units: bytes, chunks or files."""


class NoProgress:
    """Ignores progress."""

    def advance(self, stage: str, *, completed: int, total: int) -> None:
        """Do nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OverallProgress:
    """Progress of the overall job that a stage belongs to."""

    name: str
    elapsed: float
    """Seconds."""
    remaining: float | None
    """Seconds; None if the duration of later stages is unknown."""


class ConsoleProgress(Progress, Protocol):
    """Progress shown to a person."""

    def advance(self, stage: str, *, completed: int, total: int, overall: OverallProgress | None = None) -> None:
        """Report the progress of `stage`, and of the job it belongs to."""

    def print_line(self, line: str) -> None:
        """Write `line` permanently, with control characters escaped so that it stays one line."""

    def paused(self) -> AbstractContextManager[None]:
        """Pause the display while the block writes other output."""


def duration(seconds: float) -> str:
    """Return a readable duration, such as `4.2 s` or `1 h 5 min`."""
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
