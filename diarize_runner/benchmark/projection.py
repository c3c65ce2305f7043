"""How long an hour of audio would take on a T4, where none was measured: from what a CPU took, and from operations.

Of the exact engine, with models of community-1's shapes. What is counted, and what is taken for granted:

- An hour has 3,591 chunks of 10 s, one each second, and the embedding's trunk hears each once: 45.2 GFLOP, as
  `benchmarks/engines/floor.py` counts them (a multiplication and an addition are two). Chunks without speech are not
  heard, so these are the most.
- A T4 does 8.1 TFLOP/s in float32 at its highest clock, 1,590 MHz, by NVIDIA's data sheet; the exact engine computes
  in nothing smaller. It is taken to reach 25 to 60 % of that: at its base clock, 585 MHz, it has 37 %, and
  convolutions seldom reach what a clock allows.
- Segmentation would run on the GPU too; how fast is not known. It is taken to cost between nothing and
  what the CPU took.
- Clustering and reconstruction stay on the CPU, and take what they took on the one that was measured.

It is a projection: no figure of a T4 is in it, and none of it is mixed with measured figures.
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
REACHED = (0.25, 0.6)
"""Shares of it: the least and the most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Seconds for an hour of audio, at the least and at the most."""

    least: float
    most: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Projection:
    """What an hour of audio would take on a T4."""

    measured: Series
    """What it is projected from."""
    embedding: Span
    segmentation: Span
    on_the_cpu: float
    """Seconds of clustering and reconstruction."""

    @property
    def total(self) -> Span:
        """All of it: a diarization call, as RTF has it."""
        return Span(
            least=self.embedding.least + self.segmentation.least + self.on_the_cpu,
            most=self.embedding.most + self.segmentation.most + self.on_the_cpu,
        )


def project_to_t4(report: BenchmarkReport) -> Projection:
    """Project from what the exact engine took on a CPU.

    Raises:
        UsageError: that was not measured, or a stage was not.
    """
    series = _measured(report)
    operations = CHUNKS_PER_HOUR * OPERATIONS_PER_CHUNK
    least, most = (operations / (share * T4_OPERATIONS_PER_SECOND) for share in reversed(REACHED))
    return Projection(
        measured=series,
        embedding=Span(least=least, most=most),
        segmentation=Span(least=0.0, most=_per_hour(series, "segmentation")),
        on_the_cpu=_per_hour(series, "clustering") + _per_hour(series, "reconstruction"),
    )


def _measured(report: BenchmarkReport) -> Series:
    for series in report.series:
        if (series.engine, series.device) == (EXACT, "cpu"):
            return series
    there = ", ".join(f"{series.engine} on {series.device}" for series in report.series)
    problem = f"a T4 is projected from the exact engine on a CPU, and the report has: {there}"
    raise UsageError(problem, hint="measure it: diarize-runner benchmark --engine exact --device cpu -o REPORT.json")


def _per_hour(series: Series, stage: str) -> float:
    spent: list[float | None] = [getattr(measured.stages, stage) for measured in series.measurements]
    known = [seconds for seconds in spent if seconds is not None]
    if len(known) < len(spent):
        raise UsageError(f"the report lacks seconds of {stage}", hint="measure anew: old reports have no stages")
    return _HOUR * sum(known) / series.audio_seconds
