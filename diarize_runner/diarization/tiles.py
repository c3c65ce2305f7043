"""An embedding pass that embeds each second of audio once, for the fast engine.

Chunks of 10 s overlap by 9 s, so stock and the exact engine embed each second ten times. This pass embeds tiles: chunks
that do not overlap. A speaker slot of another chunk gets the mean of the slots of the tiles that it lies in, weighted
by the frames in common.

    tiles     |------ ada, bo -------|------- bo, cy -------|
    a chunk               |------- bo, cy -------|             bo: the mean of both; cy: that of the second
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pyannote.core import SlidingWindowFeature

from diarize_runner.diarization.embedding import Chunks, EmbeddingPass, Embeddings

Mask = npt.NDArray[np.float32]
"""Shape (slots, frames)."""
_ROUNDING = 1e-6
"""A step may be a little longer than the same share of a chunk."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TileEmbeddingPass:
    """Replaces a pipeline's `get_embeddings`."""

    exact: EmbeddingPass

    @property
    def batch_size(self) -> int:
        """Chunks per batch."""
        return self.exact.batch_size

    def __call__(
        self,
        file: Any,
        binary_segmentations: SlidingWindowFeature,
        exclude_overlap: bool = False,  # noqa: FBT001, FBT002  # pyannote's signature
        hook: Callable[..., None] | None = None,
    ) -> Embeddings:
        """Embed each speaker slot of each chunk; parameters match stock."""
        chunks = self.exact.chunks(binary_segmentations, exclude_overlap=exclude_overlap)
        tiles = _Tiles(self.exact.chunks(binary_segmentations, exclude_overlap=True), _stride(binary_segmentations))
        embeddings = self.exact.embed(file, chunks, tiles.numbers, hook)
        lacking = []
        for chunk in tiles.others:
            mean = tiles.mean(chunk, embeddings)
            if mean is None:
                lacking.append(chunk)
            else:
                embeddings[chunk] = mean
        if lacking:
            embeddings[lacking] = self.exact.embed(file, chunks, lacking, hook)[lacking]
        return embeddings


def _stride(segmentations: SlidingWindowFeature) -> int:
    """Return how many steps fit into a chunk."""
    window = segmentations.sliding_window
    return max(1, int(window.duration / window.step + _ROUNDING))


class _Tiles:
    """The chunks to embed: every `stride`-th one and the last, if they have speech."""

    def __init__(self, chunks: Chunks, stride: int) -> None:
        self._chunks, self._stride = chunks, stride
        self._last = chunks.shape[0] - 1
        spoken = chunks.with_speech()
        self._set = {*range(0, self._last, stride), self._last}.intersection(spoken)
        self.numbers = sorted(self._set)
        self.others = [chunk for chunk in spoken if chunk not in self._set]

    def mean(self, chunk: int, embeddings: Embeddings) -> Embeddings | None:
        """Return the means (slots, dimension) for a chunk; None if a slot has enough speech, but none in common."""
        (mask,) = self._chunks.masks([chunk])
        sums, weights = np.zeros(embeddings.shape[1:], np.float32), np.zeros(len(mask), np.float32)
        for tile in self._near(chunk):
            common = self._common_frames(chunk, mask, tile) * np.isfinite(embeddings[tile]).all(axis=1)
            sums += common @ np.nan_to_num(embeddings[tile])
            weights += common.sum(axis=1)
        if np.any((mask.sum(axis=1) >= self._chunks.min_frames) & (weights == 0)):
            return None
        return np.where(weights[:, None] > 0, sums / np.maximum(weights, 1)[:, None], embeddings[chunk])

    def _near(self, chunk: int) -> set[int]:
        """Return the tiles that a chunk overlaps."""
        before = chunk - chunk % self._stride
        overlapping = {before, min(before + self._stride, self._last)}
        return overlapping & self._set

    def _common_frames(self, chunk: int, mask: Mask, tile: int) -> Mask:
        """Return how many frames each slot of the chunk shares with each slot of the tile."""
        (other,) = self._chunks.masks([tile])
        frames = mask.shape[1]
        later = self._chunks.frames_between(chunk, tile)
        common: Mask = mask[:, max(later, 0) : frames + later] @ other[:, max(-later, 0) : frames - later].T
        return common
