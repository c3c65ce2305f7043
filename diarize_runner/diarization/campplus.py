"""The CAM++ speaker encoder as a pyannote model, for clustering in pyannote's own pipeline.

The network follows "CAM++: A Fast and Efficient Network for Speaker Verification Using Context-Aware Masking"
(Wang and others, Interspeech 2023, https://arxiv.org/abs/2303.00332); features and sizes are those of 3D-Speaker
(https://github.com/modelscope/3D-Speaker, Apache-2.0), whose weights it loads, so layers have the names of its state
dict. This class adds a mask that selects frames: the network gets only the frames of one speaker.
Checkpoints in the embedded cache name this class, and pyannote imports it by that name.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

import torch
from pyannote.audio import Model
from pyannote.audio.core.task import Task
from torch import Tensor, nn
from torch.nn import functional
from torchaudio.compliance import kaldi

SAMPLE_RATE = 16_000
WINDOW, HOP = 400, 160
"""Samples: features are computed over 25 ms, every 10 ms."""
MELS = 80
DIMENSION = 192
MIN_FRAMES = 40
"""The standard deviation over less than 0.4 s is ill-conditioned: rounding would show in the embedding."""

_HEAD_CHANNELS, _CHANNELS, _GROWTH, _BOTTLENECK = 32, 128, 32, 128
_BLOCKS = ((12, 1), (24, 2), (16, 2))
"""Layers and dilation of each dense block: table 1 of the paper."""
_SEGMENT = 100
"""Frames of 20 ms over which a context-aware mask averages, besides the whole utterance."""


class CAMPlusPlus(Model):
    """Embeds the voice of an utterance as a vector, to be compared by cosine."""

    def __init__(self, sample_rate: int = SAMPLE_RATE, num_channels: int = 1, task: Task | None = None) -> None:
        super().__init__(sample_rate=sample_rate, num_channels=num_channels, task=task)
        self.save_hyperparameters("sample_rate", "num_channels")
        self.network = Network()
        fbank = partial(kaldi.fbank, num_mel_bins=MELS, sample_frequency=SAMPLE_RATE, dither=0.0)
        self._fbank = torch.vmap(fbank)

    @property
    def dimension(self) -> int:
        """The embedding dimension."""
        return DIMENSION

    def forward(self, waveforms: Tensor, weights: Tensor | None = None) -> Tensor:  # type: ignore[override]  # as in pyannote's own embedding models
        """Embed each waveform.

        Args:
            waveforms: (batch, 1, samples), 16 kHz.
            weights: (batch, frames) of any frame rate; frames above 0.5 are used. None uses all.

        Returns:
            (batch, 192); a row is NaN if less than 0.4 s is used.

        Raises:
            ValueError: `weights` is None and the waveforms are shorter than 40 frames.
        """
        shortest = WINDOW + (MIN_FRAMES - 1) * HOP
        if weights is None:
            if waveforms.shape[2] < shortest:
                raise ValueError(f"an utterance needs {shortest} samples, not {waveforms.shape[2]}")
            weights = torch.ones_like(waveforms[:, 0])
        return self.forward_embedding(self.forward_frames(waveforms), weights[:, None])[:, 0]

    def forward_frames(self, waveforms: Tensor) -> Tensor:
        """Return features (batch, frames, 80) of waveforms (batch, 1, samples), for any number of masks."""
        features: Tensor = self._fbank(waveforms)
        return features

    def forward_embedding(self, frames: Tensor, weights: Tensor) -> Tensor:
        """Embed features under weights (batch, slots, frames) as (batch, slots, 192); see `forward`."""
        return self.embed(self.network, frames, weights)

    @staticmethod
    def embed(network: nn.Module, features: Tensor, weights: Tensor) -> Tensor:
        """Embed as `forward_embedding` does, with `network` in place of the model's own.

        Utterances of one length share a batch.
        """
        mask = functional.interpolate(weights.float(), size=features.shape[1], mode="nearest") > 0.5  # noqa: PLR2004
        utterances = [chunk[used] for chunk, slots in zip(features, mask, strict=True) for used in slots]
        embeddings = features.new_full((len(utterances), DIMENSION), torch.nan)
        for group in _group_by_length(utterances):
            batch = torch.stack([utterances[index] for index in group])
            embeddings[group] = network((batch - batch.mean(dim=1, keepdim=True)).transpose(1, 2))
        return embeddings.reshape(*weights.shape[:2], DIMENSION)


def _group_by_length(utterances: Sequence[Tensor]) -> list[list[int]]:
    """Return the indices of utterances by their length, without utterances that are too short."""
    groups = defaultdict[int, list[int]](list)
    for index, utterance in enumerate(utterances):
        groups[len(utterance)].append(index)
    return [group for length, group in groups.items() if length >= MIN_FRAMES]


class Network(nn.Module):
    """CAM++: a small convolutional front end, then a densely connected time delay network."""

    def __init__(self) -> None:
        super().__init__()
        self.head = _FrontEnd()
        self.xvector = _DenseTDNN()

    def forward(self, features: Tensor) -> Tensor:
        """Embed features (batch, 80, frames), whose mean over time is 0, as (batch, 192)."""
        embeddings: Tensor = self.xvector(self.head(features))
        return embeddings


class _FrontEnd(nn.Module):
    """Convolutions over time and frequency, which make the rest robust to shifts in frequency."""

    def __init__(self) -> None:
        super().__init__()
        width = _HEAD_CHANNELS
        self.conv1, self.bn1 = _conv2d(1, width), nn.BatchNorm2d(width)
        self.layer1 = nn.Sequential(_ResidualBlock(stride=2), _ResidualBlock(stride=1))
        self.layer2 = nn.Sequential(_ResidualBlock(stride=2), _ResidualBlock(stride=1))
        self.conv2, self.bn2 = _conv2d(width, width, stride=2), nn.BatchNorm2d(width)

    def forward(self, features: Tensor) -> Tensor:
        """Return (batch, 320, frames) for features (batch, 80, frames): 32 channels of 10 bands each."""
        maps = functional.relu(self.bn1(self.conv1(features.unsqueeze(1))))
        maps = self.layer2(self.layer1(maps))
        return functional.relu(self.bn2(self.conv2(maps))).flatten(1, 2)


class _ResidualBlock(nn.Module):
    """Two convolutions and a shortcut; `stride` divides the number of bands."""

    def __init__(self, *, stride: int) -> None:
        super().__init__()
        width = _HEAD_CHANNELS
        self.conv1, self.bn1 = _conv2d(width, width, stride=stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _conv2d(width, width), nn.BatchNorm2d(width)
        project = nn.Conv2d(width, width, 1, stride=(stride, 1), bias=False)
        self.shortcut = nn.Sequential(project, nn.BatchNorm2d(width)) if stride > 1 else nn.Sequential()

    def forward(self, maps: Tensor) -> Tensor:
        """Map (batch, 32, bands, frames) to (batch, 32, bands / stride, frames)."""
        inner = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(maps)))))
        return functional.relu(inner + self.shortcut(maps))


class _DenseTDNN(nn.Sequential):
    """From (batch, 320, frames) to (batch, 192), at half the frame rate inside."""

    def __init__(self) -> None:
        super().__init__()
        inputs, channels = _HEAD_CHANNELS * MELS // 8, _CHANNELS
        self.add_module("tdnn", _Unit(linear=nn.Conv1d(inputs, channels, 5, stride=2, padding=2, bias=False)))
        for number, (layers, dilation) in enumerate(_BLOCKS, 1):
            self.add_module(f"block{number}", _DenseBlock(channels, layers, dilation))
            channels += layers * _GROWTH
            self.add_module(f"transit{number}", _Transition(channels))
            channels //= 2
        self.add_module("out_nonlinear", _normalise_and_rectify(channels))
        self.add_module("stats", _Statistics())
        self.add_module("dense", _Embedding(2 * channels))


class _Unit(nn.Module):
    """A convolution, batch norm and ReLU."""

    def __init__(self, *, linear: nn.Conv1d) -> None:
        super().__init__()
        self.linear, self.nonlinear = linear, _normalise_and_rectify(linear.out_channels)

    def forward(self, frames: Tensor) -> Tensor:
        """Map (batch, channels, frames)."""
        mapped: Tensor = self.nonlinear(self.linear(frames))
        return mapped


class _DenseBlock(nn.Module):
    """Layers; each reads the output of all layers before it."""

    def __init__(self, channels: int, layers: int, dilation: int) -> None:
        super().__init__()
        for number in range(layers):
            self.add_module(f"tdnnd{number + 1}", _DenseLayer(channels + number * _GROWTH, dilation))

    def forward(self, frames: Tensor) -> Tensor:
        """Append 32 channels per layer to (batch, channels, frames)."""
        for layer in self.children():
            frames = torch.cat([frames, layer(frames)], dim=1)
        return frames


class _DenseLayer(nn.Module):
    """A bottleneck, and a dilated convolution under a context-aware mask."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.nonlinear1 = _normalise_and_rectify(channels)
        self.linear1 = nn.Conv1d(channels, _BOTTLENECK, 1, bias=False)
        self.nonlinear2 = _normalise_and_rectify(_BOTTLENECK)
        self.cam_layer = _MaskedConvolution(dilation)

    def forward(self, frames: Tensor) -> Tensor:
        """Return (batch, 32, frames) for (batch, channels, frames)."""
        masked: Tensor = self.cam_layer(self.nonlinear2(self.linear1(self.nonlinear1(frames))))
        return masked


class _MaskedConvolution(nn.Module):
    """A convolution whose output is scaled by a mask, computed from the means of the utterance and of each segment."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(_BOTTLENECK, _GROWTH, 3, padding=dilation, dilation=dilation, bias=False)
        self.linear1 = nn.Conv1d(_BOTTLENECK, _BOTTLENECK // 2, 1)
        self.linear2 = nn.Conv1d(_BOTTLENECK // 2, _GROWTH, 1)

    def forward(self, frames: Tensor) -> Tensor:
        """Return (batch, 32, frames) for (batch, 128, frames).

        The mask is equal for all frames of a segment, so it is computed once per segment.
        """
        segments = functional.avg_pool1d(frames, _SEGMENT, _SEGMENT, ceil_mode=True)
        context = frames.mean(dim=-1, keepdim=True) + segments
        mask = torch.sigmoid(self.linear2(functional.relu(self.linear1(context))))
        local: Tensor = self.linear_local(frames)
        return local * mask.repeat_interleave(_SEGMENT, dim=-1)[..., : frames.shape[-1]]


class _Transition(nn.Module):
    """Halves the number of channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.nonlinear = _normalise_and_rectify(channels)
        self.linear = nn.Conv1d(channels, channels // 2, 1, bias=False)

    def forward(self, frames: Tensor) -> Tensor:
        """Map (batch, channels, frames) to (batch, channels / 2, frames)."""
        halved: Tensor = self.linear(self.nonlinear(frames))
        return halved


class _Statistics(nn.Module):
    """Pools frames into their mean and standard deviation."""

    def forward(self, frames: Tensor) -> Tensor:
        """Return (batch, 2 * channels) for (batch, channels, frames)."""
        return torch.cat([frames.mean(dim=-1), frames.std(dim=-1)], dim=-1)


class _Embedding(nn.Module):
    """The last, linear layer, and a batch norm without parameters."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(channels, DIMENSION, 1, bias=False)
        self.nonlinear = nn.Sequential()
        self.nonlinear.add_module("batchnorm", nn.BatchNorm1d(DIMENSION, affine=False))

    def forward(self, pooled: Tensor) -> Tensor:
        """Return (batch, 192) for (batch, channels)."""
        embeddings: Tensor = self.nonlinear(self.linear(pooled.unsqueeze(-1)).squeeze(-1))
        return embeddings


def _normalise_and_rectify(channels: int) -> nn.Sequential:
    steps = nn.Sequential()
    steps.add_module("batchnorm", nn.BatchNorm1d(channels))
    steps.add_module("relu", nn.ReLU(inplace=True))
    return steps


def _conv2d(inputs: int, outputs: int, *, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride=(stride, 1), padding=1, bias=False)
