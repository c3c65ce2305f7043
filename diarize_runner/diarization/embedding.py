"""The embedding pass of pyannote's SpeakerDiarization, which gives the same embeddings sooner.

Stock is `SpeakerDiarization.get_embeddings` in pyannote/audio/pipelines/speaker_diarization.py of pyannote.audio 4.0.7.
It runs the whole network once for each speaker slot of each chunk, most of which are empty: the network hears the same
ten seconds three times, and only its last, small part knows which of the three speakers it is asked for. Here

    - a chunk is heard once, and its frames are pooled under the mask of each of its slots;
    - a chunk in which nobody speaks is not heard at all. Its slots hold what an empty mask gives, as in stock. It must
      not be NaN: VBx places empty slots below the worst real score, which NaN would hide, and lose a speaker by it;
    - frames are dropped as soon as they are pooled, so memory does not grow with the recording.

Which models can do this is asked of the model: see `HearsOnce`.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from pyannote.audio import Audio
from pyannote.core import SlidingWindowFeature
from torch import Tensor

from diarize_runner.diarization.workers import workers

Embeddings = npt.NDArray[np.float32]
"""Of shape (chunks, slots, dimension)."""
Masks = npt.NDArray[np.float32]
"""Of shape (chunks, slots, frames): 1 where a slot's speaker is to be heard."""


@runtime_checkable
class HearsOnce(Protocol):
    """A model whose frames can be pooled under any number of masks, as pyannote's WeSpeaker models and our GE2E."""

    def forward_frames(self, waveforms: Tensor) -> Any:
        """Hear waveforms (batch, 1, samples); the frames are the model's own affair."""

    def forward_embedding(self, frames: Any, weights: Tensor) -> Tensor:
        """Pool frames under weights (batch, slots, frames) into embeddings (batch, slots, dimension)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddingPass:
    """Takes the place of a pipeline's `get_embeddings`."""

    model: HearsOnce
    audio: Audio
    device: torch.device
    batch_size: int
    """Chunks heard at once."""
    threads: int
    shortest: int
    """Samples; less speech than this is too little for the model."""
    of_silence: npt.NDArray[np.float32]
    """What an empty mask gives, of shape (dimension,)."""

    def __call__(
        self,
        file: Any,
        binary_segmentations: SlidingWindowFeature,
        exclude_overlap: bool = False,  # noqa: FBT001, FBT002  # pyannote's signature
        hook: Callable[..., None] | None = None,
    ) -> Embeddings:
        """Embed each speaker slot of each chunk; parameters and result are those of stock."""
        shortest = self._shortest_frames(binary_segmentations) if exclude_overlap else None
        chunks = _Chunks(segmentations=binary_segmentations, shortest=shortest)
        embeddings = np.tile(self.of_silence, (*chunks.shape, 1))
        batches = [*_batches(chunks.with_speech(), self.batch_size)]
        tell = hook or _nobody
        tell("embeddings", None, total=len(batches), completed=0)
        for done, (batch, embedded) in enumerate(zip(batches, self._embedded(file, chunks, batches), strict=True), 1):
            embeddings[batch] = embedded
            tell("embeddings", embedded, total=len(batches), completed=done)
        return embeddings

    def _embedded(self, file: Any, chunks: "_Chunks", batches: list[list[int]]) -> Iterator[Embeddings]:
        def embed(batch: list[int]) -> Embeddings:
            waveforms = torch.stack([self.audio.crop(file, chunks.segment(chunk), mode="pad")[0] for chunk in batch])
            return self._embed(waveforms, torch.from_numpy(chunks.masks(batch)))

        if self.device.type != "cpu":
            yield from map(embed, batches)
            return
        with workers(self.threads) as pool:
            yield from pool.map(embed, batches)

    def _embed(self, waveforms: Tensor, masks: Tensor) -> Embeddings:
        """Embed a batch, which is filled up with silence if it is not full: CUDA plans anew for every new shape."""
        missing = self.batch_size - len(masks)
        with torch.inference_mode():
            frames = self.model.forward_frames(_filled(waveforms, missing).to(self.device))
            embedded = self.model.forward_embedding(frames, _filled(masks, missing).to(self.device))
        return embedded[: len(masks)].cpu().numpy()

    def _shortest_frames(self, segmentations: SlidingWindowFeature) -> int:
        frames: int = segmentations.data.shape[1]
        samples: float = segmentations.sliding_window.duration * self.audio.sample_rate
        return math.ceil(frames * self.shortest / samples)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Chunks:
    """What each chunk's slots say, with stock's rule of which frames of a slot are heard."""

    segmentations: SlidingWindowFeature
    shortest: int | None
    """Frames; a slot with more than these to itself is not heard in overlaps. None: every slot is."""

    @property
    def shape(self) -> tuple[int, int]:
        """Chunks, slots."""
        chunks, _, slots = self.segmentations.data.shape
        return chunks, slots

    def segment(self, chunk: int) -> Any:
        """From when to when a chunk is."""
        return self.segmentations.sliding_window[chunk]

    def with_speech(self) -> list[int]:
        """Return the chunks in which anybody speaks."""
        return [chunk for chunk, active in enumerate(self.segmentations.data) if np.any(np.nan_to_num(active))]

    def masks(self, chunks: Sequence[int]) -> Masks:
        """Return the masks of `chunks`."""
        heard = active = self.segmentations.data[chunks]
        if self.shortest is not None:
            alone = active * (np.sum(active, axis=2, keepdims=True) < 2)  # noqa: PLR2004
            enough = np.sum(np.nan_to_num(alone), axis=1, keepdims=True) > self.shortest
            heard = np.where(enough, alone, active)
        return np.ascontiguousarray(np.nan_to_num(heard).transpose(0, 2, 1), dtype=np.float32)


def _batches(chunks: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(chunks), size):
        yield chunks[start : start + size]


def _filled(batch: Tensor, missing: int) -> Tensor:
    return torch.cat([batch, batch.new_zeros(missing, *batch.shape[1:])]) if missing else batch


def _nobody(*_: object, **__: object) -> None:
    """Drop the news."""
