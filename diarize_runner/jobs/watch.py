"""One recording on the clock: how long it will take, how far all of it is, and how long it took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from diarize_runner.jobs.pace import KeptPace, Pace
from diarize_runner.progress import Telling, Whole, duration

if TYPE_CHECKING:
    from diarize_runner.diarization.audio import Recording

_REST = "rest"
"""What comes after the last stage that is counted: clustering and reconstruction."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """What a recording took."""

    uri: str
    audio_seconds: float
    estimated_seconds: float | None
    """None where nothing was timed before."""
    processing_seconds: float

    @property
    def real_time_factor(self) -> float:
        """Seconds of work for a second of audio."""
        return self.processing_seconds / self.audio_seconds

    @property
    def document(self) -> dict[str, object]:
        """The same, for programs."""
        return {**asdict(self), "real_time_factor": self.real_time_factor}

    @property
    def summary(self) -> str:
        """The same, for people."""
        took = f"{duration(self.audio_seconds)} of audio in {duration(self.processing_seconds)}"
        return f"{self.uri}: {took}, RTF {self.real_time_factor:.3f}"


@contextmanager
def watched(recording: "Recording", kept: KeptPace, progress: Telling) -> Iterator["Watch"]:
    """Say how long the recording is and will take, and yield a watch; keep how long it took, if it was done."""
    watch = Watch(recording.uri, recording.duration, kept.read(), progress)
    progress.tell(watch.announcement)
    yield watch
    kept.add(watch.stop())


class Watch:
    """Listens to the stages of one recording, from when it is made until `stop`."""

    def __init__(
        self,
        uri: str,
        audio_seconds: float,
        pace: Pace | None,
        progress: Telling,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._uri, self._audio_seconds, self._pace = uri, audio_seconds, pace
        self._progress, self._clock = progress, clock
        self._started = self._last = self._stage_began = clock()
        self._stages: dict[str, float] = {}

    @property
    def estimated(self) -> float | None:
        """Seconds that it will take at the pace of those before; None for the first."""
        return self._pace.real_time_factor * self._audio_seconds if self._pace else None

    @property
    def announcement(self) -> str:
        """The estimate, for people."""
        estimate = "nothing was timed here yet, so how long it takes is unknown"
        if self._pace and self.estimated:
            estimate = f"about {duration(self.estimated)} at the RTF of {self._pace.real_time_factor:.3f} seen here"
        return f"{self._uri}: {duration(self._audio_seconds)} of audio; {estimate}"

    def advance(self, stage: str, *, completed: int, total: int) -> None:
        """Tell how far the stage is, and the whole."""
        now = self._clock()
        if stage not in self._stages:
            self._stage_began = self._last
        self._last, self._stages[stage] = now, now - self._stage_began
        remaining = self._remaining(stage, completed, total)
        whole = Whole(name=self._uri, elapsed=now - self._started, remaining=remaining)
        self._progress.advance(stage, completed=completed, total=total, whole=whole)

    def stop(self) -> Pace:
        """Take the time; return how long each stage took."""
        self._stages[_REST], self._last = self._clock() - self._last, self._clock()
        return Pace(audio_seconds=self._audio_seconds, stages=self._stages)

    @property
    def timing(self) -> "Timing":
        """What it took, once stopped."""
        return Timing(
            uri=self._uri,
            audio_seconds=self._audio_seconds,
            estimated_seconds=self.estimated,
            processing_seconds=self._last - self._started,
        )

    def _remaining(self, stage: str, completed: int, total: int) -> float | None:
        """Let this stage go on as it went so far, and those to come take what they took before."""
        if self._pace is None or not completed:
            return None
        left = self._stages[stage] / completed * (total - completed)
        return left + self._pace.after(self._stages, self._audio_seconds)
