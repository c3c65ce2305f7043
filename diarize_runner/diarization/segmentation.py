"""A faster segmentation pass for pyannote's SpeakerDiarization on a CPU, with bit-identical scores.

Stock is `Inference.slide` in pyannote/audio/core/inference.py of pyannote.audio 4.0.7, called by
`SpeakerDiarization.get_segmentations` in pyannote/audio/pipelines/speaker_diarization.py. Batches hold the
same chunks as in stock, because an LSTM rounds differently in a batch of another size, but each core computes one batch
at a time. The convolutions before the LSTM do not depend on the rest of the batch: they process one chunk at a time,
and their intermediate results stay in the core's cache.
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

_BINARIZE_BATCH = 256
"""Chunks per batch."""


class Scores(SlidingWindowFeature):  # type: ignore[misc]
    """Output of a segmentation network, of shape (chunks, frames, slots)."""


@binarize.register
def _binarize_scores(scores: Scores, **options: Any) -> SlidingWindowFeature:
    """Binarize in batches: stock creates a Python object for every score at the same time."""
    parts = [scores.data[first : first + _BINARIZE_BATCH] for first in range(0, len(scores.data), _BINARIZE_BATCH)]
    binary = [binarize(SlidingWindowFeature(part, scores.sliding_window), **options).data for part in parts]
    return SlidingWindowFeature(np.concatenate(binary), scores.sliding_window)


@dataclass(frozen=True, kw_only=True, slots=True)
class SegmentationPass:
    """Replaces a pipeline's `get_segmentations`."""

    inference: Inference
    threads: int

    def __call__(self, file: Any, hook: Callable[..., None] | None = None) -> SlidingWindowFeature:
        """Return the scores of each chunk; parameters and result match stock."""
        batches = [*self._batches(*self.inference.model.audio(file))]
        total, scores = sum(map(len, batches)), []
        with workers(self.threads) as pool:
            for batch_scores in pool.map(self.inference.infer, batches):
                scores.append(batch_scores)
                if hook:
                    hook("segmentation", None, total=total, completed=sum(map(len, scores)))
        window = SlidingWindow(start=0.0, duration=self.inference.duration, step=self.inference.step)
        return Scores(np.vstack(scores), window)

    def _batches(self, waveform: Tensor, sample_rate: int) -> Iterator[Tensor]:
        """Yield batches (chunks, 1, samples); a partial last chunk is padded with silence in its own batch."""
        size: int = self.inference.model.audio.get_num_samples(self.inference.duration)
        step = round(self.inference.step * sample_rate)
        beyond = waveform.shape[1] - size
        if beyond >= 0:
            yield from torch.split(waveform.unfold(1, size, step).transpose(0, 1), self.inference.batch_size)
        if beyond < 0 or beyond % step:
            rest = waveform[:, max(0, beyond // step + 1) * step :]
            yield functional.pad(rest, (0, size - rest.shape[1]))[None]


def convolve_chunk_by_chunk(model: torch.nn.Module) -> None:
    """Make the SincNet of a segmentation model, if any, process one chunk at a time."""
    sincnet = getattr(model, "sincnet", None)
    if isinstance(sincnet, torch.nn.Module):
        sincnet.forward = partial(_forward_each, sincnet.forward)


def _forward_each(convolve: Callable[[Tensor], Tensor], waveforms: Tensor) -> Tensor:
    return torch.cat([convolve(waveform) for waveform in torch.split(waveforms, 1)])
