"""Project how long the exact engine takes for an hour of audio on a T4, from a CPU measurement.

The models have community-1's shapes. Counts and assumptions:

- An hour has 3,591 chunks of 10 s, one per second. The embedding's trunk computes each chunk once: 45.2 GFLOP, as
  `benchmarks/engines/trunk_speed.py` counts them (a multiply-add is two operations). The engine skips chunks without
  speech, so this is an upper bound.
- A T4 has 8.1 TFLOP/s in float32 at its boost clock, 1,590 MHz, by NVIDIA's data sheet; the exact engine uses no
  smaller type. Assumed utilisation: 25 to 60 %. The base clock, 585 MHz, has 37 %, and convolutions seldom reach the
  peak of a clock.
- Segmentation would run on the GPU too, at an unknown speed. Assumed: 0 s to the CPU's time.
- Clustering and reconstruction stay on the CPU. Assumed: the measured CPU's time.

No figure here was measured on a T4. Never mix a projection with measured figures.
"""

from dataclasses import dataclass

from diarize_runner.benchmark.measurement import Series
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.diarization.engines import EXACT
from diarize_runner.errors import UsageError

_HOUR = 3600.0
_CHUNK, _STEP = 10.0, 1.0
"""Seconds."""
CHUNKS_PER_HOUR = 1 + int((_HOUR - _CHUNK) / _STEP)
OPERATIONS_PER_CHUNK = 45.2e9
T4_OPERATIONS_PER_SECOND = 8.1e12
UTILISATION = (0.25, 0.6)
"""Fractions of the peak: lowest and highest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SecondsRange:
    """Lower and upper bound, in seconds for an hour of audio."""

    least: float
    most: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Projection:
    """Projected time for an hour of audio on a T4."""

    measured: Series
    """The CPU measurement that the projection uses."""
    embedding: SecondsRange
    segmentation: SecondsRange
    cpu_seconds: float
    """Seconds of clustering and reconstruction."""

    @property
    def total(self) -> SecondsRange:
        """The whole diarization call."""
        return SecondsRange(
            least=self.embedding.least + self.segmentation.least + self.cpu_seconds,
            most=self.embedding.most + self.segmentation.most + self.cpu_seconds,
        )


def project_to_t4(report: BenchmarkReport) -> Projection:
    """Project from the series of the exact engine on a CPU.

    Raises:
        UsageError: the report lacks that series, or one of its stages.
    """
    series = _cpu_series(report)
    operations = CHUNKS_PER_HOUR * OPERATIONS_PER_CHUNK
    least, most = (operations / (share * T4_OPERATIONS_PER_SECOND) for share in reversed(UTILISATION))
    return Projection(
        measured=series,
        embedding=SecondsRange(least=least, most=most),
        segmentation=SecondsRange(least=0.0, most=_per_hour(series, "segmentation")),
        cpu_seconds=_per_hour(series, "clustering") + _per_hour(series, "reconstruction"),
    )


def _cpu_series(report: BenchmarkReport) -> Series:
    for series in report.series:
        if (series.engine, series.device) == (EXACT, "cpu"):
            return series
    available = ", ".join(f"{series.engine} on {series.device}" for series in report.series)
    problem = f"the projection needs the exact engine on a CPU; the report has: {available}"
    raise UsageError(problem, hint="measure it: diarize-runner benchmark --engine exact --device cpu -o REPORT.json")


def _per_hour(series: Series, stage: str) -> float:
    spent: list[float | None] = [getattr(measured.stages, stage) for measured in series.measurements]
    known = [seconds for seconds in spent if seconds is not None]
    if len(known) < len(spent):
        raise UsageError(f"the report lacks the time of {stage}", hint="measure again: old reports have no stages")
    return _HOUR * sum(known) / series.audio_seconds
