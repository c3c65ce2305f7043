"""How long work tells somebody how far it is, without knowing who listens."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


class Progress(Protocol):
    """Told how far a stage of long work is; `diarize_runner.cli.progress` draws it."""

    def advance(self, stage: str, *, completed: int, total: int) -> None:
        """Stage `stage` has done `completed` of `total` (bytes, chunks or files, as the stage counts)."""


class Silent:
    """A listener that says nothing."""

    def advance(self, stage: str, *, completed: int, total: int) -> None:
        """Drop the news."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Whole:
    """What a stage is a part of."""

    name: str
    elapsed: float
    """Seconds since it began."""
    remaining: float | None
    """Seconds until it ends; None where nothing tells how long the stages to come will take."""


class Telling(Progress, Protocol):
    """A progress that people watch."""

    def advance(self, stage: str, *, completed: int, total: int, whole: Whole | None = None) -> None:
        """Tell how far a stage is, and what it is a part of."""

    def tell(self, line: str) -> None:
        """Write a line that stays: one, whatever names are in it."""

    def paused(self) -> AbstractContextManager[None]:
        """Draw nothing while something else is written."""


def duration(seconds: float) -> str:
    """Return a time as people read it."""
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
