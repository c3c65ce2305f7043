"""Time one batch of the fast engine's network in ways that the engine does not use yet.

They show what pinned copies, channels that come last, half precision and CUDA graphs would gain.
"""

import copy
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks.gpu.report import Probe
from diarize_runner.diarization.audio import SAMPLE_RATE
from diarize_runner.diarization.engine import Diarizer
from diarize_runner.unexpected import first_line

_ROUNDS = 5

Prepare = Callable[[], Callable[[], object]]
"""Prepares a call, and returns it."""


def probe_network(diarizer: Diarizer) -> tuple[Probe, ...]:
    """Time each way on one batch of noise, with the fast engine."""
    embedding = diarizer.pipeline.get_embeddings.exact
    samples = round(diarizer.pipeline._segmentation.duration * SAMPLE_RATE)  # noqa: SLF001  # the pipeline has no other way
    noise = torch.randn(embedding.batch_size, 1, samples, generator=torch.Generator().manual_seed(0)) / 10
    with torch.inference_mode():
        return tuple(_probe(name, prepare, diarizer.synchronise) for name, prepare in _ways(embedding, noise))


def _ways(embedding: Any, noise: Tensor) -> Iterator[tuple[str, Prepare]]:
    device, model = embedding.device, embedding.model
    waveforms = noise.to(device)
    features = model.model.compute_fbank(waveforms)
    yield "copy to the device", lambda: lambda: noise.to(device, copy=True)
    yield "features", lambda: lambda: model.model.compute_fbank(waveforms)
    yield "network", lambda: lambda: model.trunk(features)
    yield "network, channels last", lambda: _channels_last(model.trunk, features)
    yield (
        "network, half precision, channels last",
        lambda: _channels_last(copy.deepcopy(model.trunk).half(), features.half()),
    )
    if device.type == "cuda":
        yield "copy from pinned memory", lambda: _pinned(noise, device)
        yield (
            "network, as a CUDA graph",
            lambda: _graph(model.trunk, features),
        )  # last: a failed capture may leave errors


def _channels_last(trunk: torch.nn.Module, features: Tensor) -> Callable[[], object]:
    converted: Any = copy.deepcopy(trunk).to(memory_format=torch.channels_last)
    return lambda: converted(features)


def _pinned(noise: Tensor, device: torch.device) -> Callable[[], object]:
    pinned = noise.pin_memory()
    return lambda: pinned.to(device, non_blocking=True)


def _graph(trunk: torch.nn.Module, features: Tensor) -> Callable[[], object]:
    """Capture the network: https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        trunk(features)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        trunk(features)
    return graph.replay


def _probe(name: str, prepare: Prepare, synchronise: Callable[[], None]) -> Probe:
    try:
        call = prepare()
        seconds = [_time(call, synchronise) for _ in range(1 + _ROUNDS)]
    except (RuntimeError, TypeError, AttributeError) as error:
        return Probe(name=name, seconds=None, problem=first_line(error) or type(error).__name__)
    return Probe(name=name, seconds=statistics.median(seconds[1:]))


def _time(call: Callable[[], object], synchronise: Callable[[], None]) -> float:
    synchronise()
    start = time.perf_counter()
    call()
    synchronise()
    return time.perf_counter() - start
