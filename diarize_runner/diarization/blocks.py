"""An embedding pass that encodes each second of audio once, for the fast engine.

Stock and the exact engine encode each chunk, and chunks of 10 s overlap by 9 s: the network encodes each second ten
times. Here it encodes blocks that do not overlap, except for some context on each side. A slot of a chunk is pooled
from the frames of the blocks that the chunk lies in. The embeddings differ from stock's, because features are centred
over a block instead of a chunk, and because frames near the edges of a chunk know the audio beyond it.

    audio     |----------|----------|----------|----------|    blocks
            |--------------|                                   a block with its context
                     |----------|                              a chunk, pooled from the frames of two blocks
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pyannote.audio import Audio
from pyannote.core import SlidingWindowFeature
from torch import Tensor

from diarize_runner.diarization.audio import SAMPLE_RATE
from diarize_runner.diarization.embedding import Chunks, Embeddings, FramePoolingModel, ignore, min_frames
from diarize_runner.diarization.workers import map_ahead, workers

_MEASURED = (160_000, 320_000)
"""Samples of two waveforms; the difference in their frames tells how many samples a frame takes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockGrid:
    """The position of blocks and chunks in the frames of a recording."""

    hop: int
    """Samples per frame."""
    frames: int
    """Frames per block."""
    context: int
    """Frames of context on each side of a block."""

    def samples_of(self, block: int) -> tuple[int, int]:
        """Return the first sample of a block with its context, and the sample after it; either may be outside."""
        start = (block * self.frames - self.context) * self.hop
        return start, start + (self.frames + 2 * self.context) * self.hop

    def blocks_of(self, span: range) -> range:
        """Return the blocks that hold a span of frames."""
        return range(span.start // self.frames, (span.stop - 1) // self.frames + 1)


def block_grid(model: FramePoolingModel, device: torch.device, seconds: float, context: float) -> BlockGrid:
    """Return a grid whose blocks and context are whole frames of the model."""
    with torch.inference_mode():
        short, long = (
            model.forward_frames(torch.zeros(1, 1, samples, device=device)).shape[-1] for samples in _MEASURED
        )
    hop = (_MEASURED[1] - _MEASURED[0]) // (long - short)
    rate = SAMPLE_RATE / hop
    return BlockGrid(hop=hop, frames=round(seconds * rate), context=round(context * rate))


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockEmbeddingPass:
    """Replaces a pipeline's `get_embeddings`; the model's frames are tensors (batch, ..., frames)."""

    model: FramePoolingModel
    audio: Audio
    device: torch.device
    grid: BlockGrid
    batch_size: int
    """Blocks per batch."""
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
        """Embed each speaker slot of each chunk; parameters match stock."""
        least = min_frames(binary_segmentations, self.audio, self.min_samples) if exclude_overlap else None
        chunks = Chunks(segmentations=binary_segmentations, min_frames=least)
        embeddings = np.tile(self.empty_mask_embedding, (*chunks.shape, 1))
        spans = {chunk: self._span(chunks, chunk) for chunk in chunks.with_speech()}
        blocks = sorted({block for span in spans.values() for block in self.grid.blocks_of(span)})
        report = hook or ignore
        report("embeddings", None, total=len(blocks), completed=0)
        pooling = _Pooling(grid=self.grid, spans=spans)
        for done, (block, frames) in enumerate(self._encode_blocks(file, blocks), 1):
            for chunk, its_frames in pooling.add(block, frames):
                embeddings[chunk] = self._pool(its_frames, chunks.masks([chunk]))
            report("embeddings", None, total=len(blocks), completed=done)
        return embeddings

    def _span(self, chunks: Chunks, chunk: int) -> range:
        segment, rate = chunks.segment(chunk), self.audio.sample_rate
        first = round(segment.start * rate / self.grid.hop)
        return range(first, first + round(segment.duration * rate / self.grid.hop))

    def _encode_blocks(self, file: Any, blocks: list[int]) -> Iterator[tuple[int, Tensor]]:
        """Yield the frames of each block, of shape (1, ..., frames), in order."""
        waveform = self.audio(file)[0][0].numpy()
        batches = [blocks[first : first + self.batch_size] for first in range(0, len(blocks), self.batch_size)]

        def encode(batch: list[int]) -> Tensor:
            return self._encode(np.stack([_excerpt(waveform, *self.grid.samples_of(block)) for block in batch]))

        for batch, frames in zip(batches, self._map(encode, batches), strict=True):
            yield from zip(batch, torch.split(frames, 1), strict=True)

    def _map(self, encode: Callable[[list[int]], Tensor], batches: list[list[int]]) -> Iterator[Tensor]:
        if self.device.type != "cpu":
            yield from map(encode, batches)
            return
        with workers(self.threads) as pool:
            yield from map_ahead(pool, encode, batches, 2 * self.threads)

    def _encode(self, waveforms: npt.NDArray[np.float32]) -> Tensor:
        with torch.inference_mode():
            frames: Tensor = self.model.forward_frames(torch.from_numpy(waveforms)[:, None].to(self.device))
        return frames[..., self.grid.context : self.grid.context + self.grid.frames]

    def _pool(self, frames: Tensor, masks: npt.NDArray[np.float32]) -> Embeddings:
        with torch.inference_mode():
            return self.model.forward_embedding(frames, torch.from_numpy(masks).to(self.device))[0].cpu().numpy()


class _Pooling:
    """Holds the frames of blocks until every chunk in them is complete."""

    def __init__(self, *, grid: BlockGrid, spans: dict[int, range]) -> None:
        self._grid = grid
        self._waiting = list(reversed(spans.items()))
        self._frames: dict[int, Tensor] = {}

    def add(self, block: int, frames: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Add the next block; yield each chunk that it completes, with the chunk's frames."""
        self._frames[block] = frames
        while self._waiting and self._grid.blocks_of(self._waiting[-1][1]).stop <= block + 1:
            chunk, span = self._waiting.pop()
            yield chunk, self._frames_in(span)
        first = self._grid.blocks_of(self._waiting[-1][1]).start if self._waiting else block + 1
        self._frames = {kept: frames for kept, frames in self._frames.items() if kept >= first}

    def _frames_in(self, span: range) -> Tensor:
        blocks = self._grid.blocks_of(span)
        frames = torch.cat([self._frames[block] for block in blocks], dim=-1)
        first = span.start - blocks.start * self._grid.frames
        return frames[..., first : first + len(span)]


def _excerpt(waveform: npt.NDArray[np.float32], start: int, stop: int) -> npt.NDArray[np.float32]:
    """Return samples from `start` to `stop`; those outside the recording mirror the ones at its edge."""
    inside = waveform[max(start, 0) : stop]
    before = max(-start, 0)
    return np.pad(inside, (before, stop - start - before - len(inside)), mode="reflect")
