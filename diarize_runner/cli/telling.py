"""What a progress that people watch is told."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from diarize_runner.progress import Progress


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
