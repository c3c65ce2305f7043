"""Compare the speed of the exact engine's trunk with the peak speed of one core.

In float32, with stock's sums, the multiply-adds of a chunk bound its time from below. A large matrix product shows a
core's peak speed. The two are timed in alternation, on one thread.
"""

import statistics
import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.diarization.audio import SAMPLE_RATE
from diarize_runner.diarization.engine import load

_SIDE = 2000
"""Rows and columns of the square matrices."""
_ROUNDS = 10


def measure_trunk(cache: VerifiedCache) -> dict[str, float]:
    """Return operations per second on one thread; a multiply-add is two operations."""
    pipeline = load(cache, "cpu").pipeline
    model, chunk_seconds = pipeline.get_embeddings.model, pipeline._segmentation.duration  # noqa: SLF001
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    chunk = torch.randn(1, 1, round(chunk_seconds * SAMPLE_RATE)) / 10
    matrices = torch.randn(2, _SIDE, _SIDE)
    with torch.inference_mode():
        operations = _operations(lambda: model.model.resnet.forward_frames(model.model.compute_fbank(chunk)))
        trunk, product = _seconds(lambda: model.forward_frames(chunk), lambda: matrices[0] @ matrices[1])
    torch.set_num_threads(threads)
    rate, peak = operations / trunk, 2 * _SIDE**3 / product
    return {
        "operations_per_chunk": operations,
        "seconds_per_chunk": trunk,
        "operations_per_second": rate,
        "operations_per_second_of_a_matrix_product": peak,
        "share": rate / peak,
    }


def _operations(run_trunk: Callable[[], object]) -> int:
    """Count the operations of stock's trunk, because the counter does not know oneDNN's operators."""
    with FlopCounterMode(display=False) as counter:
        run_trunk()
    return counter.get_total_flops()


def _seconds(*calls: Callable[[], object]) -> list[float]:
    """Return the median of each call; the calls alternate."""
    rounds = [[_time(call) for call in calls] for _ in range(1 + _ROUNDS)]
    return [statistics.median(column) for column in zip(*rounds[1:], strict=True)]


def _time(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
