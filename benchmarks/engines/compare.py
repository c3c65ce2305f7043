"""One recording through both engines, again and again."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from diarize_runner.diarization.audio import Recording
from diarize_runner.diarization.engine import Diarizer
from diarize_runner.diarization.turns import Diarization
from diarize_runner.jobs.job import FindSpeakers, find
from diarize_runner.progress import Silent
from diarize_runner.transcript.formats import rttm


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One call."""

    engine: str
    seconds: float
    said: Diarization
    peak_gpu_bytes: int
    """Allocated at the most; 0 on a CPU."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """Every run of both engines on one recording."""

    uri: str
    audio_seconds: float
    runs: tuple[Run, ...]

    def of(self, engine: str) -> list[Run]:
        """Return the runs of one engine."""
        return [run for run in self.runs if run.engine == engine]

    def seconds(self, engine: str) -> float:
        """Return the median of one engine."""
        return statistics.median(run.seconds for run in self.of(engine))

    @property
    def same(self) -> bool:
        """Whether every run said the same, in RTTM and to the last bit."""
        said = [run.said for run in self.runs]
        return len({rttm.render(each) for each in said}) == len(set(said)) == 1

    def to_dict(self) -> dict[str, object]:
        """Return the comparison as the report writes it."""
        return {
            "uri": self.uri,
            "audio_seconds": self.audio_seconds,
            "speakers": len(self.runs[0].said.speakers),
            "turns": len(self.runs[0].said.turns),
            "same": self.same,
            "stock_seconds": [run.seconds for run in self.of("stock")],
            "exact_seconds": [run.seconds for run in self.of("exact")],
            "ratio_of_medians": self.seconds("stock") / self.seconds("exact"),
            "stock_peak_gpu_bytes": max(run.peak_gpu_bytes for run in self.of("stock")),
            "exact_peak_gpu_bytes": max(run.peak_gpu_bytes for run in self.of("exact")),
        }


def run(diarizer: Diarizer, recording: Recording) -> Run:
    """Diarize once, on the clock."""
    if diarizer.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    found = find(FindSpeakers(), diarizer, recording, Silent())
    peak = torch.cuda.max_memory_allocated() if diarizer.device == "cuda" else 0
    return Run(engine=diarizer.engine, seconds=found.seconds, said=found.diarization, peak_gpu_bytes=peak)


def totals(compared: Sequence[Compared]) -> dict[str, object]:
    """Return what all recordings took together: sums of medians."""
    audio = sum(each.audio_seconds for each in compared)
    stock, exact = (sum(each.seconds(engine) for each in compared) for engine in ("stock", "exact"))
    return {
        "audio_seconds": audio,
        "stock_seconds": stock,
        "exact_seconds": exact,
        "stock_real_time_factor": stock / audio,
        "exact_real_time_factor": exact / audio,
        "ratio": stock / exact,
        "same": all(each.same for each in compared),
        "recordings": [each.to_dict() for each in compared],
    }
