"""A faster embedding pass for pyannote's SpeakerDiarization, with the same embeddings.

Stock is `SpeakerDiarization.get_embeddings` in pyannote/audio/pipelines/speaker_diarization.py of pyannote.audio 4.0.7.
It runs the whole network once per speaker slot of each chunk: the same ten seconds pass through the network three
times, and only its last, small layers depend on the slot. Most slots are empty. This module differs:

    - the network encodes a chunk once, and its frames are pooled with the mask of each slot;
    - the network skips a chunk without speech. Its slots hold the embedding of an empty mask, as in stock. With VBx,
      this embedding must not be NaN: VBx gives empty slots a score below the minimum of all scores; a NaN would
      spoil that minimum, and VBx would lose a speaker;
    - frames are freed once pooled, so the memory for frames does not grow with the recording.

A model must implement `FramePoolingModel`.
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
"""Shape (chunks, slots, dimension)."""
Masks = npt.NDArray[np.float32]
"""Shape (chunks, slots, frames): 1 where a frame counts for the slot's speaker."""


@runtime_checkable
class FramePoolingModel(Protocol):
    """A model that computes frames once, and embeds them under any number of masks: WeSpeaker models, our CAM++."""

    def forward_frames(self, waveforms: Tensor) -> Any:
        """Encode waveforms (batch, 1, samples) into frames of a type that the model defines."""

    def forward_embedding(self, frames: Any, weights: Tensor) -> Tensor:
        """Pool frames with weights (batch, slots, frames) into embeddings (batch, slots, dimension)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddingPass:
    """Replaces a pipeline's `get_embeddings`."""

    model: FramePoolingModel
    audio: Audio
    device: torch.device
    batch_size: int
    """Chunks per batch."""
    threads: int
    min_samples: int
    """Minimum number of speech samples that the model needs."""
    empty_mask_embedding: npt.NDArray[np.float32]
    """The embedding of an empty mask, of shape (dimension,)."""

    def __call__(
        self,
        file: Any,
        binary_segmentations: SlidingWindowFeature,
        exclude_overlap: bool = False,  # noqa: FBT001, FBT002  # pyannote's signature
        hook: Callable[..., None] | None = None,
    ) -> Embeddings:
        """Embed each speaker slot of each chunk; parameters and result match stock."""
        chunks = self.chunks(binary_segmentations, exclude_overlap=exclude_overlap)
        return self.embed(file, chunks, chunks.with_speech(), hook)

    def chunks(self, segmentations: SlidingWindowFeature, *, exclude_overlap: bool) -> "Chunks":
        """Return the chunks of a recording."""
        return Chunks(
            segmentations=segmentations, min_frames=self._min_frames(segmentations), exclude_overlap=exclude_overlap
        )

    def embed(
        self, file: Any, chunks: "Chunks", selected: list[int], hook: Callable[..., None] | None = None
    ) -> Embeddings:
        """Embed the slots of the selected chunks; all others get the embedding of an empty mask."""
        embeddings = np.tile(self.empty_mask_embedding, (*chunks.shape, 1))
        batches = [*_batches(selected, self.batch_size)]
        report = hook if hook and batches else _ignore
        report("embeddings", None, total=len(batches), completed=0)
        for done, (batch, embedded) in enumerate(
            zip(batches, self._embed_batches(file, chunks, batches), strict=True), 1
        ):
            embeddings[batch] = embedded
            report("embeddings", embedded, total=len(batches), completed=done)
        return embeddings

    def _embed_batches(self, file: Any, chunks: "Chunks", batches: list[list[int]]) -> Iterator[Embeddings]:
        def embed(batch: list[int]) -> Embeddings:
            waveforms = torch.stack([self.audio.crop(file, chunks.segment(chunk), mode="pad")[0] for chunk in batch])
            return self._embed(waveforms, torch.from_numpy(chunks.masks(batch)))

        if self.device.type != "cpu":
            yield from map(embed, batches)
            return
        with workers(self.threads) as pool:
            yield from pool.map(embed, batches)

    def _embed(self, waveforms: Tensor, masks: Tensor) -> Embeddings:
        """Embed a batch, padded with silence to full size, because CUDA makes a new plan for each new shape."""
        missing = self.batch_size - len(masks)
        with torch.inference_mode():
            frames = self.model.forward_frames(_pad_batch(waveforms, missing).to(self.device))
            embedded = self.model.forward_embedding(frames, _pad_batch(masks, missing).to(self.device))
        return embedded[: len(masks)].cpu().numpy()

    def _min_frames(self, segmentations: SlidingWindowFeature) -> int:
        frames: int = segmentations.data.shape[1]
        samples: float = segmentations.sliding_window.duration * self.audio.sample_rate
        return math.ceil(frames * self.min_samples / samples)


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunks:
    """Binary segmentations of chunks, with stock's rule for which frames of a slot are pooled."""

    segmentations: SlidingWindowFeature
    min_frames: int
    """The least speech that the model can embed."""
    exclude_overlap: bool
    """If more than `min_frames` of a slot are without overlap, only they are pooled."""

    @property
    def shape(self) -> tuple[int, int]:
        """Chunks, slots."""
        chunks, _, slots = self.segmentations.data.shape
        return chunks, slots

    def segment(self, chunk: int) -> Any:
        """Return the time span of a chunk."""
        return self.segmentations.sliding_window[chunk]

    def frames_between(self, one: int, other: int) -> int:
        """Return how many frames after the start of one chunk another one starts; negative if it is before."""
        window = self.segmentations.sliding_window
        frames: int = self.segmentations.data.shape[1]
        return round(float((other - one) * window.step / window.duration) * frames)

    def with_speech(self) -> list[int]:
        """Return the indices of chunks with speech."""
        return [chunk for chunk, active in enumerate(self.segmentations.data) if np.any(np.nan_to_num(active))]

    def masks(self, chunks: Sequence[int]) -> Masks:
        """Return the masks of `chunks`."""
        pooled = active = self.segmentations.data[chunks]
        if self.exclude_overlap:
            alone = active * (np.sum(active, axis=2, keepdims=True) < 2)  # noqa: PLR2004
            enough = np.sum(np.nan_to_num(alone), axis=1, keepdims=True) > self.min_frames
            pooled = np.where(enough, alone, active)
        return np.ascontiguousarray(np.nan_to_num(pooled).transpose(0, 2, 1), dtype=np.float32)


def _batches(chunks: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(chunks), size):
        yield chunks[start : start + size]


def _pad_batch(batch: Tensor, missing: int) -> Tensor:
    return torch.cat([batch, batch.new_zeros(missing, *batch.shape[1:])]) if missing else batch


def _ignore(*_: object, **__: object) -> None:
    """Do nothing."""
