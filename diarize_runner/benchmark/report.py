"""A benchmark's results, and their JSON form. `reading.py` parses it.

Format history:
    diarize-runner/benchmark/3   references and diarizations of scored recordings, seconds of errors, pooled accuracy;
                                 transcriptions, if the benchmark transcribes
    diarize-runner/benchmark/2   series by engine and device, cold starts, stages, memory, JER, comparison with stock
    diarize-runner/benchmark/1   one engine on one device: audio, warm-ups, calls, DER
"""

from dataclasses import asdict, dataclass

from diarize_runner.benchmark.accuracy import pool
from diarize_runner.benchmark.environment import Environment
from diarize_runner.benchmark.measurement import Measurement, Series, Start
from diarize_runner.benchmark.report_scores import score_to_dict, words_to_dict
from diarize_runner.cache.documents import canonical

FORMAT, FORMAT_2 = "diarize-runner/benchmark/3", "diarize-runner/benchmark/2"


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """The hourly price of a box like the measured one."""

    usd_per_hour: float
    source: str
    """Where the price comes from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchmarkReport:
    """All measurements of one run, on one machine, with one cache."""

    date: str | None
    """Start of the run, UTC."""
    workload: str | None
    """The workload's name."""
    environment: Environment
    cache: str
    """Name, version and manifest digest."""
    price: Price | None
    series: tuple[Series, ...]

    def usd_per_audio_hour(self, series: Series) -> float | None:
        """Return the cost of an hour of audio on a fully used box; None without a price."""
        return self.price.usd_per_hour * series.real_time_factor if self.price else None

    def to_dict(self) -> dict[str, object]:
        """Return the report as its JSON form."""
        return {
            "format": FORMAT,
            "date": self.date,
            "workload": self.workload,
            "environment": self.environment.to_dict(),
            "cache": self.cache,
            "price": asdict(self.price) if self.price else None,
            "series": [self._series(each) for each in self.series],
        }

    def to_json(self) -> bytes:
        """Return the report as canonical JSON."""
        return canonical.serialise(self.to_dict())

    def _series(self, series: Series) -> dict[str, object]:
        cost, accuracy = self.usd_per_audio_hour(series), pool(series)
        return {
            "engine": series.engine,
            "device": series.device,
            "transcriber": series.transcriber,
            "real_time_factor": series.real_time_factor,
            "times_faster_than_realtime": 1 / series.real_time_factor,
            "seconds_per_audio_hour": 3600 * series.real_time_factor,
            "usd_per_audio_hour": cost,
            "usd_per_1000_audio_hours": None if cost is None else 1000 * cost,
            "speaker_count_accuracy": series.speaker_count_accuracy,
            "word_error_rate": series.word_error_rate,
            "accuracy": asdict(accuracy) if accuracy else None,
            "starts": [_start(each) for each in series.starts],
            "measurements": [_measurement(each) for each in series.measurements],
            "batches": [asdict(each) for each in series.batches],
        }


DERIVED = (
    "real_time_factor",
    "times_faster_than_realtime",
    "seconds_per_audio_hour",
    "usd_per_audio_hour",
    "usd_per_1000_audio_hours",
    "speaker_count_accuracy",
    "word_error_rate",
    "accuracy",
    "seconds",
    "processing_seconds",
    "median_seconds",
    "transcription_real_time_factor",
    "fastest_seconds",
    "slowest_seconds",
)
"""Keys that are computed from others, for readers of the JSON."""


def _start(start: Start) -> dict[str, object]:
    return {
        "seconds": start.seconds,
        "loading": asdict(start.loading),
        "uri": start.uri,
        "first_call": asdict(start.first_call),
    }


def _measurement(measured: Measurement) -> dict[str, object]:
    return {
        "uri": measured.uri,
        "audio_seconds": measured.audio_seconds,
        "audio": measured.audio,
        "hints": asdict(measured.hints),
        "real_time_factor": measured.real_time_factor,
        "times_faster_than_realtime": 1 / measured.real_time_factor,
        "processing_seconds": list(measured.processing_seconds),
        "median_seconds": measured.median_seconds,
        "fastest_seconds": min(measured.processing_seconds),
        "slowest_seconds": max(measured.processing_seconds),
        "transcription_real_time_factor": measured.transcription_real_time_factor,
        "speakers": measured.speakers,
        "reference": score_to_dict(measured.score) if measured.score else None,
        "words": words_to_dict(measured.words) if measured.words else None,
        "rttm": measured.rttm,
        "repeatable": measured.repeatable,
        "same_as_stock": measured.same_as_stock,
        "warmups": [asdict(each) for each in measured.warmups],
        "calls": [asdict(each) for each in measured.calls],
        "memory_over_time": [[each.seconds, each.rss] for each in measured.memory_over_time],
    }
