"""CAM++ with its frames separate from their pooling, so that the fast engine can pool them for any speaker."""

from dataclasses import dataclass
from itertools import takewhile

import torch
from torch import Tensor, nn
from torch.nn import functional

from diarize_runner.diarization.campplus import MIN_FRAMES, CAMPlusPlus, Network
from diarize_runner.diarization.trunk import optimize


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CAMPlusPlusFrames:
    """The layers of a CAM++ model up to its pooling, and those after it."""

    model: CAMPlusPlus
    encoder: nn.Module
    """From features (batch, 80, frames) to (batch, 512, frames / 2)."""

    def forward_frames(self, waveforms: Tensor) -> Tensor:
        """Encode waveforms (batch, 1, samples) into frames (batch, 512, frames) of 20 ms."""
        features = self.model.forward_frames(waveforms)
        frames: Tensor = self.encoder((features - features.mean(dim=1, keepdim=True)).transpose(1, 2))
        return frames

    def forward_embedding(self, frames: Tensor, weights: Tensor) -> Tensor:
        """Pool frames under weights (batch, slots, frames) into embeddings (batch, slots, 192).

        An embedding is NaN if as little is used as the model's own embedding cannot be made of.
        """
        mask = (functional.interpolate(weights.float(), size=frames.shape[-1], mode="nearest") > 0.5).float()  # noqa: PLR2004
        used = mask.sum(dim=-1, keepdim=True)
        mean = torch.einsum("bct,bst->bsc", frames, mask) / used
        squares = torch.einsum("bct,bst->bsc", frames.square(), mask)
        deviation = ((squares - used * mean.square()) / (used - 1)).clamp(min=0).sqrt()
        pooled = torch.cat([mean, deviation], dim=-1)
        dense = self.model.network.xvector.get_submodule("dense")
        embeddings: Tensor = dense(pooled.flatten(0, 1)).unflatten(0, pooled.shape[:2])
        return embeddings.masked_fill(used < MIN_FRAMES // 2, torch.nan)


def separate_frames(model: CAMPlusPlus, device: torch.device) -> CAMPlusPlusFrames:
    """Return `model`, which is on `device`, with a copy of its layers before the pooling optimized for that device."""
    return CAMPlusPlusFrames(model=model, encoder=optimize(_Encoder(model.network), device))


class _Encoder(nn.Module):
    """The layers of a network before its pooling."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        before = takewhile(lambda layer: layer[0] != "stats", network.xvector.named_children())
        self.layers = nn.Sequential(network.head, *(layer for _, layer in before))

    def forward(self, features: Tensor) -> Tensor:
        frames: Tensor = self.layers(features)
        return frames
