"""CAM++ with its frames separate from their pooling, so that the fast engine can pool them for any speaker."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from diarize_runner.diarization.campplus import CAMPlusPlus

_LEAST_FRAMES = 20
"""0.4 s; less is too little to identify a voice."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CAMPlusPlusFrames:
    """The layers of a CAM++ model up to its pooling, and those after it."""

    model: CAMPlusPlus

    def forward_frames(self, waveforms: Tensor) -> Tensor:
        """Encode waveforms (batch, 1, samples) into frames (batch, 512, frames) of 20 ms."""
        features = self.model.forward_frames(waveforms)
        frames: Tensor = self.model.network.head((features - features.mean(dim=1, keepdim=True)).transpose(1, 2))
        for name, layer in self.model.network.xvector.named_children():
            if name == "stats":
                break
            frames = layer(frames)
        return frames

    def forward_embedding(self, frames: Tensor, weights: Tensor) -> Tensor:
        """Pool frames under weights (batch, slots, frames) into embeddings (batch, slots, 192).

        An embedding is NaN if less than 0.4 s is used.
        """
        mask = (functional.interpolate(weights.float(), size=frames.shape[-1], mode="nearest") > 0.5).float()  # noqa: PLR2004
        used = mask.sum(dim=-1, keepdim=True)
        mean = torch.einsum("bct,bst->bsc", frames, mask) / used
        squares = torch.einsum("bct,bst->bsc", frames.square(), mask)
        deviation = ((squares - used * mean.square()) / (used - 1)).clamp(min=0).sqrt()
        pooled = torch.cat([mean, deviation], dim=-1)
        dense = self.model.network.xvector.get_submodule("dense")
        embeddings: Tensor = dense(pooled.flatten(0, 1)).unflatten(0, pooled.shape[:2])
        return embeddings.masked_fill(used < _LEAST_FRAMES, torch.nan)
