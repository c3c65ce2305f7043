"""Project how long the exact or the fast engine takes for an hour of audio on a T4, from a CPU measurement.

The models have community-1's shapes; `t4.py` has the work that torch counted, and the T4's speeds. Assumptions:

- An hour has 3,591 chunks of 10 s, one per second. The trunk of the exact engine computes each chunk once: 45.2 GFLOP
  (a multiply-add is two operations). The engine skips chunks without speech, so this is an upper bound. The fast engine
  embeds the 360 chunks that do not overlap, and segmentation processes all of them.
- Utilisation: 25 to 60 % of the peak of arithmetic or memory, whichever bounds a kernel. The base clock, 585 MHz, has
  37 %, and convolutions seldom reach the peak of a clock.
- Segmentation of the exact engine would run on the GPU too: from 0 s to the CPU's time, which includes speaker
  counting. For the fast engine its work is counted; at most, each step of its LSTM also takes the time of a launch.
- The features and the pooling of the fast engine are many small kernels; each takes at least a launch: 5 to 10 us.
- Speaker counting, clustering and reconstruction stay on the CPU. Both engines cluster the same chunks. Clustering and
  reconstruction take the measured CPU's time in proportion to an hour, but at least what an hour of synthetic turns
  takes: clustering grows with the square of the duration.

No figure here was measured on a T4. Never mix a projection with measured figures.
"""

from dataclasses import dataclass

from diarize_runner.benchmark.measurement import Series
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.benchmark.t4 import (
    CLUSTERING_SECONDS,
    COUNTING_SECONDS,
    FEATURES_OF_FAST,
    LSTM_STEPS,
    NETWORK_OF_FAST,
    POOLING_OF_FAST,
    RECONSTRUCTION_SECONDS,
    SEGMENTATION,
    T4_OPERATIONS_PER_SECOND,
    Work,
)
from diarize_runner.diarization.engines import EXACT, FAST
from diarize_runner.errors import UsageError

_HOUR = 3600.0
_CHUNK, _STEP = 10.0, 1.0
"""Seconds."""
CHUNKS_PER_HOUR = 1 + int((_HOUR - _CHUNK) / _STEP)
OPERATIONS_PER_CHUNK = 45.2e9
UTILISATION = (0.25, 0.6)
"""Fractions of the peak: lowest and highest."""
LAUNCH_SECONDS = (5e-6, 10e-6)
"""Of a kernel: lowest and highest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SecondsRange:
    """Lower and upper bound, in seconds for an hour of audio."""

    least: float
    most: float

    def __add__(self, other: "SecondsRange") -> "SecondsRange":
        return SecondsRange(least=self.least + other.least, most=self.most + other.most)


@dataclass(frozen=True, kw_only=True, slots=True)
class Projection:
    """Projected time for an hour of audio on a T4."""

    measured: Series
    """The CPU measurement that the projection uses."""
    embedding: SecondsRange
    segmentation: SecondsRange
    cpu_seconds: float
    """Seconds of speaker counting, clustering and reconstruction."""

    @property
    def total(self) -> SecondsRange:
        """The whole diarization call."""
        return self.embedding + self.segmentation + SecondsRange(least=self.cpu_seconds, most=self.cpu_seconds)

    @property
    def times_real_time(self) -> tuple[float, float]:
        """Seconds of audio per second: lowest and highest."""
        return _HOUR / self.total.most, _HOUR / self.total.least


def project_to_t4(report: BenchmarkReport) -> Projection:
    """Project from the series of the fast engine on a CPU, else from that of the exact engine.

    Raises:
        UsageError: the report lacks both series, or one of the stages.
    """
    series = _cpu_series(report)
    fast = series.engine == FAST
    return Projection(
        measured=series,
        embedding=network_of_fast() + pooling_of_fast() if fast else _embedding_of_exact(),
        segmentation=_segmentation_of_fast() if fast else _up_to(_per_hour(series, "segmentation")),
        cpu_seconds=_cpu_seconds(series),
    )


def network_of_fast() -> SecondsRange:
    """Return the time of the embedding's features and trunk."""
    return _utilised(NETWORK_OF_FAST) + _launched(FEATURES_OF_FAST)


def pooling_of_fast() -> SecondsRange:
    """Return the time of the pooling."""
    return _launched(POOLING_OF_FAST)


def _launched(work: Work) -> SecondsRange:
    """Return the time of small kernels, bounded by their work or by their launches."""
    utilised = _utilised(work)
    shortest, longest = (work.kernels * seconds for seconds in LAUNCH_SECONDS)
    return SecondsRange(least=max(utilised.least, shortest), most=max(utilised.most, longest))


def _segmentation_of_fast() -> SecondsRange:
    return _utilised(SEGMENTATION) + _up_to(LSTM_STEPS * LAUNCH_SECONDS[1])


def _cpu_seconds(series: Series) -> float:
    measured = _per_hour(series, "clustering") + _per_hour(series, "reconstruction")
    return COUNTING_SECONDS + max(measured, CLUSTERING_SECONDS + RECONSTRUCTION_SECONDS)


def _embedding_of_exact() -> SecondsRange:
    operations = CHUNKS_PER_HOUR * OPERATIONS_PER_CHUNK
    least, most = (operations / (share * T4_OPERATIONS_PER_SECOND) for share in reversed(UTILISATION))
    return SecondsRange(least=least, most=most)


def _utilised(work: Work) -> SecondsRange:
    lowest, highest = UTILISATION
    return SecondsRange(least=work.t4_seconds / highest, most=work.t4_seconds / lowest)


def _up_to(seconds: float) -> SecondsRange:
    return SecondsRange(least=0.0, most=seconds)


def _cpu_series(report: BenchmarkReport) -> Series:
    for engine in (FAST, EXACT):
        for series in report.series:
            if (series.engine, series.device) == (engine, "cpu"):
                return series
    available = ", ".join(f"{series.engine} on {series.device}" for series in report.series)
    problem = f"the projection needs the fast or the exact engine on a CPU; the report has: {available}"
    raise UsageError(problem, hint="measure it: diarize-runner benchmark --engine fast --device cpu -o REPORT.json")


def _per_hour(series: Series, stage: str) -> float:
    spent: list[float | None] = [getattr(measured.stages, stage) for measured in series.measurements]
    known = [seconds for seconds in spent if seconds is not None]
    if len(known) < len(spent):
        raise UsageError(f"the report lacks the time of {stage}", hint="measure again: old reports have no stages")
    return _HOUR * sum(known) / series.audio_seconds
