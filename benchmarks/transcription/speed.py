"""Rounds of the stages: each alone, both one after the other as in `run`, and both side by side.

The models are loaded, and each way has run once, before anything is timed. The ways alternate, so background load
affects all equally.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.transcription.recordings import repeat
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.diarization.audio import Recording
from diarize_runner.diarization.engine import Diarizer, load
from diarize_runner.diarization.turns import NO_HINTS
from diarize_runner.jobs.transcribing import open_transcriber
from diarize_runner.progress import NoProgress
from diarize_runner.transcription.options import TranscriptionOptions
from diarize_runner.transcription.transcriber import Transcriber

_WARM_UP_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stages:
    """Both stages, with loaded models and as many threads each as they were loaded with."""

    transcriber: Transcriber
    diarizer: Diarizer

    def transcribe(self, recording: Recording) -> None:
        """Run the first stage."""
        self.transcriber.transcribe(recording, NoProgress())

    def diarize(self, recording: Recording) -> None:
        """Run the second stage."""
        self.diarizer.diarize(recording, NO_HINTS, NoProgress())

    def run_in_turn(self, recording: Recording) -> None:
        """Run one after the other."""
        self.transcribe(recording)
        self.diarize(recording)

    def run_side_by_side(self, recording: Recording) -> None:
        """Run both at the same time."""
        with ThreadPoolExecutor(1) as pool:
            transcribing = pool.submit(self.transcribe, recording)
            self.diarize(recording)
            transcribing.result()


_Way = Callable[[Recording], None]


def measure_speed(
    cache: VerifiedCache, diarizer: Diarizer, audio: Path, seconds: float, rounds: int
) -> dict[str, object]:
    """Return the seconds of each round, the median and the RTF, by way."""
    recording, warm_up = repeat(audio, seconds), repeat(audio, _WARM_UP_SECONDS)
    taken: dict[str, list[float]] = {}
    with _open(cache, diarizer, warm_up) as ways:
        for number in range(rounds):
            in_turn = [*ways.items()]
            for name, way in in_turn if number % 2 == 0 else in_turn[::-1]:
                taken.setdefault(name, []).append(_seconds(way, recording))
    in_order = {name: taken[name] for name in ways}
    return {"audio_seconds": round(recording.duration, 2), "ways": describe(in_order, recording.duration)}


def describe(taken: Mapping[str, list[float]], audio_seconds: float) -> dict[str, dict[str, object]]:
    """Return the seconds of each round, their median, and the RTF of the median."""
    return {
        name: {
            "seconds": [round(each, 2) for each in seconds],
            "median_seconds": round(statistics.median(seconds), 2),
            "rtf": round(statistics.median(seconds) / audio_seconds, 4),
        }
        for name, seconds in taken.items()
    }


@contextmanager
def _open(cache: VerifiedCache, diarizer: Diarizer, warm_up: Recording) -> Iterator[Mapping[str, _Way]]:
    """Yield what to time, by name; each has run once."""
    with ExitStack() as stack:
        batched, sequential, alone = (
            stack.enter_context(open_transcriber(cache, TranscriptionOptions(device="cpu", batch_size=size)))
            for size in (8, 1, 8)
        )
        all_cores = _Stages(transcriber=batched, diarizer=diarizer)
        in_order = _Stages(transcriber=sequential, diarizer=diarizer)
        with _one_thread():
            one_thread = _Stages(transcriber=alone, diarizer=load(cache, "cpu", diarizer.engine))
            one_thread.run_in_turn(warm_up)
        ways = _ways(all_cores, in_order, one_thread)
        for way in ways.values():
            way(warm_up)
        yield ways


def _ways(all_cores: _Stages, in_order: _Stages, one_thread: _Stages) -> dict[str, _Way]:
    return {
        "transcription, batches of 8": all_cores.transcribe,
        "transcription, batches of 1": in_order.transcribe,
        "diarization": all_cores.diarize,
        "one after the other": all_cores.run_in_turn,
        "side by side, one thread each": one_thread.run_side_by_side,
        "side by side, all cores each": all_cores.run_side_by_side,
    }


@contextmanager
def _one_thread() -> Iterator[None]:
    """Give models that are loaded in the block one thread: torch's, and those of a child process that starts in it."""
    threads, before = torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        os.environ.pop("OMP_NUM_THREADS")
        if before is not None:
            os.environ["OMP_NUM_THREADS"] = before


def _seconds(way: _Way, recording: Recording) -> float:
    start = time.perf_counter()
    way(recording)
    return time.perf_counter() - start
