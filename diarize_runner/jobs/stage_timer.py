"""Time one recording: its estimate, its remaining time, and its processing time."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from diarize_runner.jobs.stage_times import StageTimes, StageTimesFile
from diarize_runner.progress import ConsoleProgress, OverallProgress, duration

if TYPE_CHECKING:
    from diarize_runner.diarization.audio import Recording

_REST = "rest"
"""The time after the last reported stage: clustering and reconstruction."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """The processing time of a recording."""

    uri: str
    audio_seconds: float
    estimated_seconds: float | None
    """None without earlier measurements."""
    processing_seconds: float

    @property
    def real_time_factor(self) -> float:
        """Processing time / audio duration."""
        return self.processing_seconds / self.audio_seconds

    @property
    def document(self) -> dict[str, object]:
        """Return the JSON document."""
        return {**asdict(self), "real_time_factor": self.real_time_factor}

    @property
    def summary(self) -> str:
        """Return one line of text."""
        took = f"{duration(self.audio_seconds)} of audio in {duration(self.processing_seconds)}"
        return f"{self.uri}: {took}, RTF {self.real_time_factor:.3f}"


@contextmanager
def timed(recording: "Recording", history: StageTimesFile, progress: ConsoleProgress) -> Iterator["StageTimer"]:
    """Print the estimate and yield a timer; on success, add its times to `history`."""
    timer = StageTimer(recording.uri, recording.duration, history.read(), progress)
    progress.print_line(timer.announcement)
    yield timer
    history.add(timer.stop())


class StageTimer:
    """Times the stages of one recording from its creation until `stop`, and reports the overall progress."""

    def __init__(
        self,
        uri: str,
        audio_seconds: float,
        history: StageTimes | None,
        progress: ConsoleProgress,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._uri, self._audio_seconds, self._history = uri, audio_seconds, history
        self._progress, self._clock = progress, clock
        self._started = self._last = self._stage_began = clock()
        self._stages: dict[str, float] = {}

    @property
    def estimated(self) -> float | None:
        """Return the expected processing time in seconds; None without history."""
        return self._history.real_time_factor * self._audio_seconds if self._history else None

    @property
    def announcement(self) -> str:
        """Return the line that announces the recording and its estimate."""
        estimate = "no estimate, as nothing was timed here yet"
        if self._history and self.estimated:
            factor = self._history.real_time_factor
            estimate = f"about {duration(self.estimated)} at RTF {factor:.3f}, as measured here"
        return f"{self._uri}: {duration(self._audio_seconds)} of audio; {estimate}"

    def advance(self, stage: str, *, completed: int, total: int) -> None:
        """Report the progress of the stage and of the recording."""
        now = self._clock()
        if stage not in self._stages:
            self._stage_began = self._last
        self._last, self._stages[stage] = now, now - self._stage_began
        remaining = self._remaining(stage, completed, total)
        overall = OverallProgress(name=self._uri, elapsed=now - self._started, remaining=remaining)
        self._progress.advance(stage, completed=completed, total=total, overall=overall)

    def stop(self) -> StageTimes:
        """Stop the clock; return the time of each stage."""
        self._stages[_REST], self._last = self._clock() - self._last, self._clock()
        return StageTimes(audio_seconds=self._audio_seconds, stages=self._stages)

    @property
    def timing(self) -> "Timing":
        """Return the timing; call `stop` first."""
        return Timing(
            uri=self._uri,
            audio_seconds=self._audio_seconds,
            estimated_seconds=self.estimated,
            processing_seconds=self._last - self._started,
        )

    def _remaining(self, stage: str, completed: int, total: int) -> float | None:
        """Extrapolate this stage, and take the later stages from the history."""
        if self._history is None or not completed:
            return None
        left = self._stages[stage] / completed * (total - completed)
        return left + self._history.seconds_after(self._stages, self._audio_seconds)
