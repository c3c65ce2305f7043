"""How near the exact engine's trunk comes to what one core can multiply and add.

In float32, and summing what stock sums, a chunk cannot be heard sooner than its multiplications take. A large product
of matrices is the most that a core shows of itself, and both are timed on one thread, in turn.
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
"""Of the square matrices."""
_ROUNDS = 10


def floor(cache: VerifiedCache) -> dict[str, float]:
    """Return operations a second (a multiplication and an addition are two), on one thread."""
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
    rate, most = operations / trunk, 2 * _SIDE**3 / product
    return {
        "operations_per_chunk": operations,
        "seconds_per_chunk": trunk,
        "operations_per_second": rate,
        "operations_per_second_of_a_matrix_product": most,
        "share": rate / most,
    }


def _operations(hear: Callable[[], object]) -> int:
    """Count what stock's own trunk does: a counter does not know the operators of oneDNN."""
    with FlopCounterMode(display=False) as counter:
        hear()
    return counter.get_total_flops()


def _seconds(*calls: Callable[[], object]) -> list[float]:
    """Return the medians, each call timed in every round."""
    rounds = [[_timed(call) for call in calls] for _ in range(1 + _ROUNDS)]
    return [statistics.median(column) for column in zip(*rounds[1:], strict=True)]


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
