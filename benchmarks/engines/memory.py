"""Diarize hours of mostly silence in this process, and print its peak memory.

python -m benchmarks.engines.memory CACHE --hours 4
"""

import argparse
import json
import re
from pathlib import Path

import numpy as np
import torch

from benchmarks.engines.compare import run
from benchmarks.engines.models import verified
from diarize_runner.benchmark.compose.scene import Scene, compose
from diarize_runner.diarization.audio import SAMPLE_RATE, Recording
from diarize_runner.diarization.engine import load

_TALK = Scene(name="talk", seconds=60.0, speakers=2)
_EVERY = 15 * 60
"""Seconds from the start of one talk to the next."""


def main() -> None:
    """Diarize, and print one JSON document."""
    parser = argparse.ArgumentParser(description="Measure peak memory on a long, mostly silent recording.")
    parser.add_argument("cache", type=Path)
    parser.add_argument("--hours", type=float, default=4.0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--engine", default="exact")
    arguments = parser.parse_args()
    diarizer = load(verified(arguments.cache), arguments.device, arguments.engine)
    result = run(diarizer, mostly_silent(arguments.hours))
    document = {
        "audio_hours": arguments.hours,
        "engine": result.engine,
        "seconds": result.seconds,
        "turns": len(result.diarization.turns),
        "peak_bytes": peak_bytes(),
        "peak_gpu_bytes": result.peak_gpu_bytes,
        "peak_gpu_bytes_reserved": torch.cuda.max_memory_reserved() if diarizer.device == "cuda" else 0,
    }
    print(json.dumps(document))  # noqa: T201  # read by __main__.py


def mostly_silent(hours: float) -> Recording:
    """Compose a recording with one minute of speech in every 15 minutes."""
    waveform = np.zeros(round(hours * 3600 * SAMPLE_RATE), np.float32)
    talk = compose(_TALK).recording.waveform
    for first in range(0, len(waveform), _EVERY * SAMPLE_RATE):
        part = waveform[first : first + len(talk)]
        part[:] = talk[: len(part)]
    return Recording(uri="mostly-silent", waveform=waveform)


def peak_bytes() -> int:
    """Return the peak RSS of this process."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s*(\d+) kB", status)[0]) * 1024


if __name__ == "__main__":
    main()
