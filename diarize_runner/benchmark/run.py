"""The benchmark's loop."""

import time
from collections.abc import Callable

from diarize_runner.benchmark.report import Measurement
from diarize_runner.benchmark.score import score
from diarize_runner.benchmark.workload import WorkItem
from diarize_runner.diarization.audio import Recording, decode
from diarize_runner.diarization.engine import Diarizer
from diarize_runner.diarization.turns import Diarization, SpeakerHints
from diarize_runner.progress import Progress

Clock = Callable[[], float]
"""Seconds, from any fixed moment."""


def measure(
    item: WorkItem,
    diarizer: Diarizer,
    *,
    warmups: int,
    repeats: int,
    progress: Progress,
    clock: Clock = time.perf_counter,
) -> Measurement:
    """Diarize one recording `warmups` times unseen and `repeats` times on the clock.

    Decoding and scoring are outside the clock. Raises as `decode`, `Diarizer.diarize` and `score` do.
    """
    recording = decode(item.audio)
    seconds: list[float] = []
    for _ in range(warmups + repeats):
        diarization, elapsed = timed(diarizer, recording, progress, clock)
        seconds.append(elapsed)
    return Measurement(
        uri=recording.uri,
        audio_seconds=recording.duration,
        warmup_seconds=tuple(seconds[:warmups]),
        processing_seconds=tuple(seconds[warmups:]),
        speakers=len(diarization.speakers),
        score=score(diarization, item.reference, recording.duration) if item.reference else None,
    )


def timed(
    diarizer: Diarizer, recording: Recording, progress: Progress, clock: Clock = time.perf_counter
) -> tuple[Diarization, float]:
    """Return the diarization, and the seconds from the call to the end of the device's work."""
    diarizer.synchronise()
    start = clock()
    diarization = diarizer.diarize(recording, SpeakerHints(), progress)
    diarizer.synchronise()
    return diarization, clock() - start
