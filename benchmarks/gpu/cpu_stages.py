"""Measure the CPU time of the stages around the networks: speaker counting, clustering, reconstruction.

python -m benchmarks.gpu.cpu_stages DIR/twin -o docs/benchmarks/cpu-stages-DATE.json

Segmentations and embeddings are synthetic: four voices take turns, and the embeddings of a voice lie around its centre.
CPU time, not wall time, so that other work on the machine matters less.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pyannote.core import SlidingWindow, SlidingWindowFeature

from benchmarks.engines.models import verified
from diarize_runner.benchmark.environment import describe_environment
from diarize_runner.benchmark.stage_timer import StageTimer, instrument
from diarize_runner.diarization.audio import SAMPLE_RATE, Recording
from diarize_runner.diarization.engine import Diarizer, load
from diarize_runner.jobs.job import DiarizationTask, run_timed
from diarize_runner.progress import NoProgress

_VOICES, _SLOTS, _FRAMES, _CHUNK, _DIMENSION = 4, 3, 589, 10, 256
_DURATIONS = (300, 1800, 3600)
"""Seconds."""


def main() -> None:
    """Measure, and write the CPU seconds as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu.cpu_stages")
    parser.add_argument("cache", type=Path)
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", required=True)
    arguments = parser.parse_args()
    diarizer = load(verified(arguments.cache), "cpu", "exact")
    measured = {str(seconds): measure(diarizer, seconds) for seconds in _DURATIONS}
    document = {"environment": describe_environment("cpu").to_dict(), "cpu_seconds_by_duration": measured}
    arguments.output.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def measure(diarizer: Diarizer, seconds: int) -> dict[str, float | None]:
    """Return the CPU seconds of the stages, for a recording of this duration."""
    pipeline: Any = diarizer.pipeline
    segmentations, embeddings = synthesise(seconds)

    def embed(*_: object, hook: Callable[..., None], **__: object) -> np.ndarray:
        hook("embeddings", None, total=1, completed=1)
        return embeddings

    pipeline.get_segmentations = lambda _file, **_: segmentations
    pipeline.get_embeddings = embed
    stage_timer = StageTimer(diarizer.synchronise, time.process_time)
    recording = Recording(uri="turns", waveform=np.zeros(seconds * SAMPLE_RATE, np.float32))
    timed = instrument(diarizer, stage_timer)
    found = run_timed(DiarizationTask(), timed, recording, NoProgress(), time.process_time)
    stages = stage_timer.stages(found.began, found.ended)
    return {
        "counting": stages.segmentation,
        "clustering": stages.clustering,
        "reconstruction": stages.reconstruction,
    }


def synthesise(seconds: int) -> tuple[SlidingWindowFeature, np.ndarray]:
    """Return segmentations (chunks, frames, slots) and embeddings (chunks, slots, dimension), a chunk every second."""
    random = np.random.default_rng(0)
    centres = 3 * random.standard_normal((_VOICES, _DIMENSION))
    voices, chunks = _voice_of_each_frame(seconds, random), seconds - _CHUNK + 1
    active = np.zeros((chunks, _FRAMES, _SLOTS), np.float32)
    embeddings = np.zeros((chunks, _SLOTS, _DIMENSION), np.float32)
    for chunk in range(chunks):
        first = round(chunk * _FRAMES / _CHUNK)
        heard = voices[first : first + _FRAMES]
        for slot, voice in enumerate([voice for voice in dict.fromkeys(heard.tolist()) if voice >= 0][:_SLOTS]):
            active[chunk, : len(heard), slot] = heard == voice
            embeddings[chunk, slot] = centres[voice] + random.standard_normal(_DIMENSION)
    return SlidingWindowFeature(active, SlidingWindow(start=0.0, duration=_CHUNK, step=1.0)), embeddings


def _voice_of_each_frame(seconds: int, random: np.random.Generator) -> np.ndarray:
    """Return who speaks; -1 is nobody."""
    rate, now = _FRAMES / _CHUNK, 0.0
    voices = np.full(round(seconds * rate), -1)
    while now < seconds:
        end = now + random.uniform(1, 8)
        voices[round(now * rate) : round(end * rate)] = random.integers(_VOICES)
        now = end + random.uniform(0, 2)
    return voices


if __name__ == "__main__":
    main()
