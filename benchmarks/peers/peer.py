"""One peer: `python peer.py PEER CACHE PIPELINE DEVICE`, in any environment; then a path a line, answered a line.

It imports nothing of ours but where it is the exact engine: its environment need not have what that imports.
"""

import contextlib
import json
import os
import sys
import time
import wave
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

Turns = list[tuple[float, float, str]]
_FULL_SCALE = 32768


def stock_from_path(_: str, pipeline: str, device: str) -> Callable[[str], Turns]:
    """Have stock pyannote read the file itself, chunk by chunk, as its own page shows it."""
    diarize = _stock(pipeline, device)
    return lambda path: _turns(diarize(path).speaker_diarization)


def stock_from_samples(_: str, pipeline: str, device: str) -> Callable[[str], Turns]:
    """Tell stock pyannote samples, as it advises where torchcodec cannot be had."""
    diarize = _stock(pipeline, device)

    def run(path: str) -> Turns:
        waveform = torch.from_numpy(_samples(path)[None])
        return _turns(diarize({"waveform": waveform, "sample_rate": 16000}).speaker_diarization)

    return run


def whisperx(_: str, pipeline: str, device: str) -> Callable[[str], Turns]:
    """Tell whisperX's pipeline samples: its own reader is the ffmpeg command."""
    from whisperx.diarize import DiarizationPipeline

    diarize = DiarizationPipeline(model_name=pipeline, device=device)
    return lambda path: [(row.start, row.end, row.speaker) for row in diarize(_samples(path)).itertuples()]


def exact(cache: str, _: str, device: str) -> Callable[[str], Turns]:
    """Use the exact engine as `diarize-runner diarize` does."""
    from diarize_runner.cache.box.open import open_cache
    from diarize_runner.diarization.audio import decode
    from diarize_runner.diarization.engine import load
    from diarize_runner.diarization.turns import SpeakerHints
    from diarize_runner.progress import Silent

    diarizer = load(open_cache(Path(cache), Silent()), device)

    def run(path: str) -> Turns:
        said = diarizer.diarize(decode(Path(path)), SpeakerHints(), Silent())
        return [(turn.start, turn.end, turn.speaker) for turn in said.turns]

    return run


_PEERS = {"stock": stock_from_samples, "stock-told-a-path": stock_from_path, "whisperx": whisperx, "exact": exact}
_PACKAGES = ("torch", "pyannote.audio", "whisperx", "diarize-runner")


def _stock(pipeline: str, device: str) -> Any:
    from pyannote.audio import Pipeline

    return Pipeline.from_pretrained(pipeline).to(torch.device(device))


def _turns(said: Any) -> Turns:
    return [(turn.start, turn.end, speaker) for turn, _, speaker in said.itertracks(yield_label=True)]


def _samples(path: str) -> np.ndarray:
    with wave.open(path) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    return samples.astype(np.float32) / np.float32(_FULL_SCALE)


def _answers(peer: str, told: list[str], paths: Iterable[str]) -> Iterable[dict[str, object]]:
    start = time.perf_counter()
    run = _PEERS[peer](*told)
    yield {"load_seconds": time.perf_counter() - start, "packages": dict(_versions())}
    for path in paths:
        start = time.perf_counter()
        turns = run(path.rstrip("\n"))  # which are on the CPU: nothing of a GPU is left to wait for
        yield {"seconds": time.perf_counter() - start, "turns": turns}


def _versions() -> Iterable[tuple[str, str]]:
    for name in _PACKAGES:
        with contextlib.suppress(ModuleNotFoundError):
            yield name, version(name)


def main() -> None:
    """Answer on what was standard output; what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    peer, *told = sys.argv[1:]
    for answer in _answers(peer, told, sys.stdin):
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
