"""The segmentation pass of pyannote's SpeakerDiarization on a CPU, which says the same, bit for bit, sooner.

Stock is `Inference.slide` in pyannote/audio/core/inference.py of pyannote.audio 4.0.7, called by
`SpeakerDiarization.get_segmentations` in pyannote/audio/pipelines/speaker_diarization.py. Batches hold the same chunks
here, for an LSTM rounds otherwise in a batch of another size; but one core computes each, and as many are computed at
once as there are cores. The convolutions before the LSTM do not mix what is in a batch: they take it chunk by chunk,
and what is between them stays in the core's cache.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from pyannote.audio import Inference
from pyannote.audio.utils.signal import binarize
from pyannote.core import SlidingWindow, SlidingWindowFeature
from torch import Tensor
from torch.nn import functional

from diarize_runner.diarization.workers import workers

_AT_ONCE = 256
"""Chunks."""


class Scores(SlidingWindowFeature):  # type: ignore[misc]
    """What a segmentation network says of (chunks, frames, slots)."""


@binarize.register
def _binarized(scores: Scores, **how: Any) -> SlidingWindowFeature:
    """Binarize some chunks after the others: stock makes a Python object of every number there is at once."""
    parts = [scores.data[first : first + _AT_ONCE] for first in range(0, len(scores.data), _AT_ONCE)]
    binary = [binarize(SlidingWindowFeature(part, scores.sliding_window), **how).data for part in parts]
    return SlidingWindowFeature(np.concatenate(binary), scores.sliding_window)


@dataclass(frozen=True, kw_only=True, slots=True)
class SegmentationPass:
    """Takes the place of a pipeline's `get_segmentations`."""

    inference: Inference
    threads: int

    def __call__(self, file: Any, hook: Callable[..., None] | None = None) -> SlidingWindowFeature:
        """Say who speaks in each chunk; parameters and result are those of stock."""
        batches = [*self._batches(*self.inference.model.audio(file))]
        total, said = sum(map(len, batches)), []
        with workers(self.threads) as pool:
            for done in pool.map(self.inference.infer, batches):
                said.append(done)
                if hook:
                    hook("segmentation", None, total=total, completed=sum(map(len, said)))
        window = SlidingWindow(start=0.0, duration=self.inference.duration, step=self.inference.step)
        return Scores(np.vstack(said), window)

    def _batches(self, waveform: Tensor, sample_rate: int) -> Iterator[Tensor]:
        """Yield batches (chunks, 1, samples); a last chunk that is not full is by itself, filled up with silence."""
        size: int = self.inference.model.audio.get_num_samples(self.inference.duration)
        step = round(self.inference.step * sample_rate)
        beyond = waveform.shape[1] - size
        if beyond >= 0:
            yield from torch.split(waveform.unfold(1, size, step).transpose(0, 1), self.inference.batch_size)
        if beyond < 0 or beyond % step:
            rest = waveform[:, max(0, beyond // step + 1) * step :]
            yield functional.pad(rest, (0, size - rest.shape[1]))[None]


def convolve_chunk_by_chunk(model: torch.nn.Module) -> None:
    """Let the SincNet of a segmentation model, if that has one, hear the chunks of a batch one after the other."""
    sincnet = getattr(model, "sincnet", None)
    if isinstance(sincnet, torch.nn.Module):
        sincnet.forward = partial(_one_by_one, sincnet.forward)


def _one_by_one(convolve: Callable[[Tensor], Tensor], waveforms: Tensor) -> Tensor:
    return torch.cat([convolve(waveform) for waveform in torch.split(waveforms, 1)])
