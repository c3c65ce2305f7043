"""Plan which steps fit into the time, most important first.

The first recording runs with every engine. Its real-time factor predicts the time of longer ones; a step that does not
fit into the time that is left is skipped, and the report says so.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from diarize_runner.diarization.engines import EXACT, FAST, STOCK, Engine
from diarize_runner.errors import PipelineError

_MARGIN = 1.3
"""Clustering grows faster than the recording."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One engine on one recording."""

    engine: Engine
    audio_seconds: float
    batch_size: int | None = None
    """None: the engine's own."""

    @property
    def calls(self) -> int:
        """How often the recording is diarized: a batch size needs an untimed call first, because its shapes are new."""
        return 1 if self.batch_size is None else 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What to measure."""

    durations: tuple[float, ...] = (60.0, 600.0, 3600.0)
    """Seconds of audio, shortest first."""
    chunk_batches: tuple[int, ...] = (8, 16, 32, 64)
    """Batch sizes of the exact engine."""
    tile_batches: tuple[int, ...] = (8, 16, 32, 64)
    """Batch sizes of the fast engine."""
    rounds: int = 3
    """How often each but the longest recording is measured, if time is left."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """A step that was not measured."""

    step: Step
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """The time by which all steps must end."""

    deadline: float
    """Reading of the clock."""
    clock: Callable[[], float] = time.monotonic

    @property
    def left(self) -> float:
        """Seconds that are left; never negative."""
        return max(0.0, self.deadline - self.clock())


def plan_steps(settings: Settings) -> tuple[Step, ...]:
    """Return the steps, most important first."""
    *shorter, longest = settings.durations
    swept = shorter[-1] if shorter else longest
    return (
        *(step for duration in shorter for step in _engines(duration)),
        Step(engine=FAST, audio_seconds=longest),
        Step(engine=EXACT, audio_seconds=longest),
        *(Step(engine=FAST, audio_seconds=swept, batch_size=size) for size in settings.tile_batches),
        *(Step(engine=EXACT, audio_seconds=swept, batch_size=size) for size in settings.chunk_batches),
        Step(engine=STOCK, audio_seconds=longest),
        *(step for _ in range(1, settings.rounds) for duration in shorter for step in _engines(duration)),
    )


def take_steps(steps: Sequence[Step], budget: Budget, measure: Callable[[Step], float]) -> Iterator[Skipped]:
    """Take each step that fits into the time that is left; yield the others, and those that fail.

    `measure` returns the seconds of a call, or raises PipelineError.
    """
    factors: dict[str, float] = {}
    for step in steps:
        predicted = _predict(step, factors)
        if predicted > budget.left:
            yield Skipped(step=step, reason=f"needs about {predicted:.0f} s; {budget.left:.0f} s were left")
            continue
        try:
            factors[step.engine] = measure(step) / step.audio_seconds
        except PipelineError as error:
            yield Skipped(step=step, reason=str(error))


def _predict(step: Step, factors: dict[str, float]) -> float:
    """Return the predicted seconds of a step; 0 if its engine has not run yet."""
    return _MARGIN * step.calls * step.audio_seconds * factors.get(step.engine, 0.0)


def _engines(duration: float) -> Iterator[Step]:
    for engine in (FAST, EXACT, STOCK):
        yield Step(engine=engine, audio_seconds=duration)
