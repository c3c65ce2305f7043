"""Repeated runs of the engines on one recording."""

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from diarize_runner.diarization.audio import Recording
from diarize_runner.diarization.engine import Diarizer
from diarize_runner.diarization.engines import EQUAL_TO_STOCK
from diarize_runner.diarization.turns import Diarization
from diarize_runner.jobs.job import DiarizationTask, run_timed
from diarize_runner.progress import NoProgress
from diarize_runner.transcript.formats import rttm


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One call."""

    engine: str
    seconds: float
    diarization: Diarization
    peak_gpu_bytes: int
    """Allocated by torch; 0 on a CPU."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """All runs of the engines on one recording."""

    uri: str
    audio_seconds: float
    runs: tuple[Run, ...]

    @property
    def engines(self) -> list[str]:
        """The engines that ran, in order of name."""
        return sorted({run.engine for run in self.runs})

    def runs_of(self, engine: str) -> list[Run]:
        """Return the runs of one engine."""
        return [run for run in self.runs if run.engine == engine]

    def seconds(self, engine: str) -> float:
        """Return the median seconds of one engine."""
        return statistics.median(run.seconds for run in self.runs_of(engine))

    @property
    def same(self) -> bool:
        """Whether all runs that promise stock's output have the same RTTM and bit-equal speaker turns."""
        outputs = [run.diarization for run in self.runs if run.engine in EQUAL_TO_STOCK]
        return len({rttm.render(each) for each in outputs}) == len(set(outputs)) <= 1

    def to_dict(self) -> dict[str, object]:
        """Return the comparison as JSON in the report."""
        return {
            "uri": self.uri,
            "audio_seconds": self.audio_seconds,
            "same": self.same,
            "engines": {engine: self._engine(engine) for engine in self.engines},
        }

    def _engine(self, engine: str) -> dict[str, object]:
        runs = self.runs_of(engine)
        return {
            "seconds": [run.seconds for run in runs],
            "speakers": len(runs[0].diarization.speakers),
            "turns": len(runs[0].diarization.turns),
            "peak_gpu_bytes": max(run.peak_gpu_bytes for run in runs),
        }


def run(diarizer: Diarizer, recording: Recording) -> Run:
    """Time one diarization."""
    if diarizer.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    found = run_timed(DiarizationTask(), diarizer, recording, NoProgress())
    peak = torch.cuda.max_memory_allocated() if diarizer.device == "cuda" else 0
    return Run(engine=diarizer.engine, seconds=found.seconds, diarization=found.diarization, peak_gpu_bytes=peak)


def totals(comparisons: Sequence[Comparison]) -> dict[str, object]:
    """Return the total time of all recordings: sums of medians."""
    audio = sum(each.audio_seconds for each in comparisons)
    engines = comparisons[0].engines
    seconds = {engine: sum(each.seconds(engine) for each in comparisons) for engine in engines}
    return {
        "audio_seconds": audio,
        "seconds": seconds,
        "real_time_factor": {engine: seconds[engine] / audio for engine in engines},
        "speed_up": {
            f"{engine} over {other}": seconds[other] / seconds[engine]
            for engine, other in itertools.permutations(engines, 2)
            if seconds[engine] < seconds[other]
        },
        "same": all(each.same for each in comparisons),
        "recordings": [each.to_dict() for each in comparisons],
    }
