"""The totals of one run."""

from dataclasses import dataclass, replace
from typing import Final

from diarize_runner.batch.attempts import printable
from diarize_runner.batch.outcomes import AlreadyDone, Failed, Outcome
from diarize_runner.batch.run import WorkLeft
from diarize_runner.progress import duration
from diarize_runner.transcript.formats.fields import one_line

ONLY_PERMANENT_FAILURES: Final = 4
"""Exit code: a scheduler that runs the shard again gains nothing."""
_SHOWN: Final = 20
"""Failures that are named for people; programs get all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchSummary:
    """The totals of one run."""

    done_before: int
    done: int = 0
    failures: tuple[Failed, ...] = ()
    audio_seconds: float = 0.0
    processing_seconds: float = 0.0

    @classmethod
    def of(cls, work: WorkLeft) -> "BatchSummary":
        """Return the totals before the first outcome."""
        return cls(done_before=work.done, failures=tuple(work.given_up))

    def after(self, outcome: Outcome) -> "BatchSummary":
        """Return the totals with one more outcome."""
        if isinstance(outcome, Failed):
            return replace(self, failures=(*self.failures, outcome))
        if isinstance(outcome, AlreadyDone):
            return replace(self, done_before=self.done_before + 1)
        return replace(
            self,
            done=self.done + 1,
            audio_seconds=self.audio_seconds + outcome.audio_seconds,
            processing_seconds=self.processing_seconds + outcome.processing_seconds,
        )

    @property
    def exit_code(self) -> int:
        """Return 0, 1 if another run may do more, or 4 if it cannot."""
        if any(failure.will_be_tried_again for failure in self.failures):
            return 1
        return ONLY_PERMANENT_FAILURES if self.failures else 0

    @property
    def text(self) -> str:
        """Return the totals for people."""
        counts = f"{self.done} done, {self.done_before} done before, {len(self.failures)} failed"
        if not self.done:
            return counts
        return f"{counts}: {duration(self.audio_seconds)} of audio, RTF {self._real_time_factor or 0:.3f}"

    @property
    def lines(self) -> tuple[str, ...]:
        """Return the totals, and the failures."""
        named = [_line(failure) for failure in self.failures[:_SHOWN]]
        more = len(self.failures) - len(named)
        return self.text, *named, *([f"  and {more} more: --json lists all"] if more else [])

    def to_dict(self) -> dict[str, object]:
        """Return the JSON form."""
        return {
            "done": self.done,
            "done_before": self.done_before,
            "failed": [_document(failure) for failure in self.failures],
            "audio_seconds": self.audio_seconds,
            "processing_seconds": self.processing_seconds,
            "real_time_factor": self._real_time_factor,
        }

    @property
    def _real_time_factor(self) -> float | None:
        return self.processing_seconds / self.audio_seconds if self.audio_seconds else None


def _line(failure: Failed) -> str:
    again = "" if failure.will_be_tried_again else ", not tried again"
    return f"  failed{again}: {one_line(printable(failure.key))}: {one_line(failure.message)}"


def _document(failure: Failed) -> dict[str, object]:
    return {
        "key": printable(failure.key),
        "error": printable(failure.message),
        "hint": failure.hint,
        "will_be_tried_again": failure.will_be_tried_again,
    }
