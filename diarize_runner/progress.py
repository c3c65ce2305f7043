"""How long work tells somebody how far it is, without knowing who listens."""

from typing import Protocol


class Progress(Protocol):
    """Told how far a stage of long work is; `diarize_runner.cli.progress` draws it."""

    def advance(self, stage: str, *, completed: int, total: int) -> None:
        """Stage `stage` has done `completed` of `total` (bytes, chunks or files, as the stage counts)."""


class Silent:
    """A listener that says nothing."""

    def advance(self, stage: str, *, completed: int, total: int) -> None:
        """Drop the news."""
