"""Count the operations and bytes that community-1's models need for an hour of audio, with torch.

python -m benchmarks.gpu.work -o docs/benchmarks/work-DATE.json

torch.utils.flop_counter has the operations of each call of a kernel; a multiply-add is two. The bytes are those of its
inputs and outputs: each kernel reads and writes memory, as nothing fuses them. The networks run on torch's meta device,
which computes shapes only; batch norm is folded, as the exact engine does on a GPU.

An LSTM is one kernel call here, as in cuDNN: its weights, inputs and outputs are counted, but no state between frames.
"""

import argparse
import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from benchmarks.engines.models import ROOT
from diarize_runner.benchmark.projection import CHUNKS_PER_HOUR
from diarize_runner.benchmark.t4 import T4_BYTES_PER_SECOND, T4_OPERATIONS_PER_SECOND, Work
from diarize_runner.diarization.trunk import optimize_trunk

_RATE = 16_000
_TILES_PER_HOUR = 360
"""Chunks that do not overlap."""
_CHUNK = 10.0
"""Seconds."""
_BATCH = 32
"""Chunks."""
_SLOTS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Kernel:
    """One call of a kernel."""

    operations: int
    bytes: int

    @property
    def t4_seconds(self) -> float:
        """The least time on a T4, at the peak of its arithmetic or of its memory."""
        return max(self.operations / T4_OPERATIONS_PER_SECOND, self.bytes / T4_BYTES_PER_SECOND)


class KernelCounter(TorchDispatchMode):
    """Records each call of a kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels: list[Kernel] = []

    def __torch_dispatch__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        options = kwargs or {}
        count = flop_registry.get(func._overloadpacket)  # noqa: SLF001  # as FlopCounterMode does
        if count is None:
            with self:
                result = func.decompose(*args, **options)
            if result is not NotImplemented:
                return result
        result = func(*args, **options)
        tensors = [each for each in tree_leaves((args, options, result)) if isinstance(each, torch.Tensor)]
        if tensors and not func.is_view:
            operations = count(*args, **options, out_val=result) if count else 0
            self.kernels.append(Kernel(operations=operations, bytes=sum(map(_bytes, tensors))))
        return result


def work(run: Callable[[], object], times_per_hour: float, lstms: Sequence[torch.nn.LSTM] = ()) -> Work:
    """Count the kernels of `run`, which an hour of audio needs `times_per_hour` times."""
    with torch.no_grad(), KernelCounter() as counter, _as_one_kernel(counter, lstms):
        run()
    kernels = counter.kernels
    return Work(
        operations=times_per_hour * sum(each.operations for each in kernels),
        bytes=times_per_hour * sum(each.bytes for each in kernels),
        kernels=times_per_hour * len(kernels),
        t4_seconds=times_per_hour * sum(each.t4_seconds for each in kernels),
    )


def network(embedding: Any, batch: int, seconds: float, times_per_hour: float) -> Work:
    """Count the trunk of the embedding model on a batch of waveforms."""
    features = embedding.compute_fbank(torch.zeros(1, 1, round(seconds * _RATE))).shape[1:]
    trunk = optimize_trunk(embedding, torch.device("cuda")).trunk.to("meta")
    batches = torch.zeros(batch, *features, device="meta")
    return work(lambda: trunk(batches), times_per_hour)


def features(embedding: Any, seconds: float, times_per_hour: float) -> Work:
    """Count the features of one waveform."""
    waveform = torch.zeros(1, 1, round(seconds * _RATE))
    return work(lambda: embedding.compute_fbank(waveform), times_per_hour)


def pooling(embedding: Any) -> Work:
    """Count the pooling of a batch of chunks."""
    frames, masks = torch.zeros(_BATCH, 256, 10, 125), torch.ones(_BATCH, _SLOTS, 589)
    return work(lambda: embedding.resnet.forward_embedding(frames, masks), _TILES_PER_HOUR / _BATCH)


def segmentation(model: Any, batch: int = _BATCH, seconds: float = _CHUNK) -> Work:
    """Count the segmentation model on a batch of chunks."""
    on_meta = model.to("meta")
    chunks = torch.zeros(batch, 1, round(seconds * _RATE), device="meta")
    lstms = [layer for layer in on_meta.modules() if isinstance(layer, torch.nn.LSTM)]
    return work(lambda: on_meta(chunks), CHUNKS_PER_HOUR / batch, lstms)


def main() -> None:
    """Count, and write the counts as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu.work")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", required=True)
    output: Path = parser.parse_args().output
    segmenting, embedding = _models()
    counts = {
        "network_of_exact": network(embedding, _BATCH, _CHUNK, CHUNKS_PER_HOUR / _BATCH),
        "network_of_fast": network(embedding, _BATCH, _CHUNK, _TILES_PER_HOUR / _BATCH),
        "features_of_fast": features(embedding, _CHUNK, _TILES_PER_HOUR),
        "pooling_of_fast": pooling(embedding),
        "segmentation": segmentation(segmenting),
    }
    document = {name: asdict(each) for name, each in counts.items()} | {"torch": torch.__version__}
    output.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _models() -> tuple[Any, Any]:
    """Return the twin's segmentation and embedding model."""
    sys.path.append(str(ROOT / "tests"))
    from pyannote.audio import Model
    from support.twins import COMMUNITY_1, twin_repos

    files = twin_repos()[COMMUNITY_1]
    names = ("segmentation", "embedding")
    segmenting, embedding = (Model.from_pretrained(io.BytesIO(files[f"{name}/pytorch_model.bin"])) for name in names)
    return segmenting.eval(), embedding.eval()


@contextmanager
def _as_one_kernel(counter: KernelCounter, lstms: Sequence[torch.nn.LSTM]) -> Iterator[None]:
    """Merge the kernels of each LSTM into one."""
    firsts: list[int] = []

    def begin(*_: object) -> None:
        firsts.append(len(counter.kernels))

    def end(layer: torch.nn.Module, inputs: tuple[torch.Tensor], outputs: tuple[torch.Tensor]) -> None:
        first = firsts.pop()
        moved = _bytes(inputs[0]) + sum(map(_bytes, layer.parameters()))
        moved += (2 * layer.num_layers - 1) * _bytes(outputs[0])  # each layer writes, and the next one reads
        operations = sum(each.operations for each in counter.kernels[first:])
        counter.kernels[first:] = [Kernel(operations=operations, bytes=moved)]

    handles = [layer.register_forward_pre_hook(begin) for layer in lstms]
    handles += [layer.register_forward_hook(end) for layer in lstms]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _bytes(tensor: torch.Tensor) -> int:
    """Return the bytes of memory behind a tensor; those of an expanded one count once."""
    return min(tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes())


if __name__ == "__main__":
    main()
