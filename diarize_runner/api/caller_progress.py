"""What a Python caller sees of a run."""

from contextlib import AbstractContextManager, nullcontext
from contextvars import Context
from dataclasses import dataclass

from diarize_runner.progress import OverallProgress, Progress


@dataclass(frozen=True, kw_only=True, slots=True)
class CallerProgress:
    """Forward `advance` to the caller's progress, and drop everything else."""

    progress: Progress
    context: Context
    """The caller's context, in which printing and the network are allowed, unlike in the pipeline."""

    def advance(self, stage: str, *, completed: int, total: int, overall: OverallProgress | None = None) -> None:  # noqa: ARG002
        """Call the caller's `advance`."""
        self.context.run(self.progress.advance, stage, completed=completed, total=total)

    def print_line(self, line: str) -> None:
        """Do nothing: the caller prints what it likes."""

    def paused(self) -> AbstractContextManager[None]:
        """Do nothing: there is no display."""
        return nullcontext()
