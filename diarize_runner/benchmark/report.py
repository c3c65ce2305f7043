"""A benchmark's record, and its one JSON form.

Format history: `diarize-runner/benchmark/1`, the first.
"""

import statistics
from dataclasses import dataclass

from diarize_runner.benchmark.environment import Environment

FORMAT = "diarize-runner/benchmark/1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """How one recording's diarization compares with its reference, at collar 0, overlap scored."""

    der: float
    """Diarization error rate: 0.05 is 5 %."""
    speakers: int
    """In the reference."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """One recording, diarized again and again."""

    uri: str
    audio_seconds: float
    warmup_seconds: tuple[float, ...]
    """Calls that were made first, and do not count."""
    processing_seconds: tuple[float, ...]
    speakers: int
    """Found."""
    score: Score | None
    """None where there is no reference."""

    @property
    def median_seconds(self) -> float:
        """Median processing time."""
        return statistics.median(self.processing_seconds)

    @property
    def real_time_factor(self) -> float:
        """Median processing time / audio duration."""
        return self.median_seconds / self.audio_seconds

    def to_dict(self) -> dict[str, object]:
        """Return the measurement as a report writes it."""
        score = {"der": self.score.der, "speakers": self.score.speakers} if self.score else None
        return {
            "uri": self.uri,
            "audio_seconds": self.audio_seconds,
            "warmup_seconds": list(self.warmup_seconds),
            "processing_seconds": list(self.processing_seconds),
            "median_seconds": self.median_seconds,
            "real_time_factor": self.real_time_factor,
            "speakers": self.speakers,
            "reference": score,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchmarkReport:
    """Every measurement of one run, on one machine, with one cache."""

    environment: Environment
    cache: str
    """Name, version and manifest digest."""
    engine: str
    """What diarized: `exact` or `stock`."""
    measurements: tuple[Measurement, ...]

    @property
    def real_time_factor(self) -> float:
        """Total over total: the sum of the medians / the sum of the durations."""
        processing = sum(measurement.median_seconds for measurement in self.measurements)
        return processing / sum(measurement.audio_seconds for measurement in self.measurements)

    def to_dict(self) -> dict[str, object]:
        """Return the report as its JSON form."""
        return {
            "format": FORMAT,
            "environment": self.environment.to_dict(),
            "cache": self.cache,
            "engine": self.engine,
            "real_time_factor": self.real_time_factor,
            "measurements": [measurement.to_dict() for measurement in self.measurements],
        }
