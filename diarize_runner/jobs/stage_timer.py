"""Time one recording: its estimate, its remaining time, and its processing time."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from diarize_runner.jobs.stage_times import StageTimes, StageTimesFile
from diarize_runner.progress import ConsoleProgress, OverallProgress, duration

if TYPE_CHECKING:
    from diarize_runner.diarization.audio import Recording

_REST = "rest"
"""The time after the last reported stage: clustering and reconstruction."""
_LAST, _CLUSTERING = "embeddings", "clustering"
"""The last stage that pyannote reports, and the stage after it."""
_PRIOR = 0.1
"""Share of a stage after which its own speed counts as much as that of earlier recordings. The first batches of a stage
are slow: 5 s for the first of 140 would promise 700 s."""
_NO_STAGES: Mapping[str, float] = {}


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
    """Yield a timer; on success, add its times to `history`."""
    timer = StageTimer(recording.uri, recording.duration, history.read(), progress)
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
        *,
        startup: Mapping[str, float] = _NO_STAGES,
    ) -> None:
        """Take the expected seconds of the start-up's stages, if the recording waits for it."""
        self._uri, self._audio_seconds, self._history = uri, audio_seconds, history
        self._progress, self._clock = progress, clock
        self._startup = sum(startup.values())
        self._expected = {**startup, **history.expect(audio_seconds)} if history else _NO_STAGES
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
            started = f": {duration(self._startup)} to load the models, then" if self._startup else " at"
            took = duration(self._startup + self.estimated)
            estimate = f"about {took}{started} RTF {factor:.3f}, as measured here"
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
        if stage == _LAST and completed == total:  # what follows reports nothing, and takes minutes for hours of audio
            self._progress.advance(_CLUSTERING, completed=0, total=1, overall=overall)

    @property
    def stages(self) -> Mapping[str, float]:
        """Return the seconds of each stage so far."""
        return dict(self._stages)

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
        """Return the rest of this stage and of the later ones; None without history."""
        if self._history is None:
            return None
        later = sum(seconds for name, seconds in self._expected.items() if name not in self._stages)
        return self._remaining_in(stage, completed / total if total else 0.0) + later

    def _remaining_in(self, stage: str, share: float) -> float:
        """Return the rest of a stage of which `share` is done, at its own speed and that of earlier recordings."""
        elapsed, expected = self._stages[stage], self._expected.get(stage)
        if expected is None:
            return elapsed / share * (1 - share) if share else 0.0
        pace = (_PRIOR * expected + elapsed) / (_PRIOR + share) if share else expected
        return pace * (1 - share)
