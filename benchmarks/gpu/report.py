"""The report of a run: what was measured, what was skipped, and whether stock and exact agree."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from benchmarks.gpu.clocks import Clocks
from benchmarks.gpu.plan import Skipped, Step
from diarize_runner.benchmark.environment import Environment
from diarize_runner.benchmark.measurement import Memory, Stages
from diarize_runner.diarization.engines import EXACT, STOCK, Engine

FORMAT = "diarize-runner/gpu-benchmark/1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One timed call."""

    step: Step
    uri: str
    seconds: float
    stages: Stages
    memory: Memory
    speakers: int
    turns: int
    rttm: str
    """SHA-256 of the RTTM."""
    clocks: Clocks | None
    """None on a CPU, and if nvidia-smi printed nothing during the call."""

    @property
    def times_real_time(self) -> float:
        """Seconds of audio per second."""
        return self.step.audio_seconds / self.seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """One way to process one batch of the fast engine."""

    name: str
    seconds: float | None
    """Median; None if it failed."""
    problem: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A run on one machine."""

    date: str
    device: str
    environment: Environment
    budget_seconds: float
    used_seconds: float
    setup_seconds: float
    """Of `used_seconds`, until the first step: installation, imports, composition."""
    measured: tuple[Measured, ...]
    skipped: tuple[Skipped, ...]
    problems: tuple[str, ...]
    """Why clocks are unknown."""
    probes: tuple[Probe, ...] = ()

    @property
    def durations(self) -> tuple[float, ...]:
        """Durations of the measured recordings, shortest first."""
        return tuple(sorted({each.step.audio_seconds for each in self.measured}))

    def calls(self, engine: Engine, audio_seconds: float, batch_size: int | None = None) -> list[Measured]:
        """Return the calls of one engine on one recording."""
        wanted = Step(engine=engine, audio_seconds=audio_seconds, batch_size=batch_size)
        return [each for each in self.measured if each.step == wanted]

    def same(self, audio_seconds: float) -> bool | None:
        """Return whether stock and exact give the same RTTM; None if one of them was not measured."""
        outputs = [{each.rttm for each in self.calls(engine, audio_seconds)} for engine in (STOCK, EXACT)]
        return len(outputs[0] | outputs[1]) == 1 if all(outputs) else None

    @property
    def different(self) -> bool:
        """Whether stock and exact give different RTTM for any recording."""
        return any(self.same(duration) is False for duration in self.durations)

    def to_json(self) -> str:
        """Return the report as a JSON document."""
        document = {"format": FORMAT} | asdict(self)
        document["same_rttm_of_stock_and_exact"] = {f"{each:g}": self.same(each) for each in self.durations}
        return json.dumps(document, indent=2) + "\n"


def median_call(calls: Sequence[Measured]) -> Measured:
    """Return the call with the median time; of an even number, the slower one in the middle."""
    seconds = statistics.median_high(each.seconds for each in calls)
    return next(each for each in calls if each.seconds == seconds)
