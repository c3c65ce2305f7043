"""The GE2E speaker encoder as a pyannote model, for clustering in pyannote's own pipeline.

Network, features and windows follow Resemblyzer 0.1.4 (https://github.com/resemble-ai/Resemblyzer, Apache-2.0),
after "Generalized End-to-End Loss for Speaker Verification" (https://arxiv.org/abs/1710.10467). This class adds a mask
that selects frames. Checkpoints in embedded caches of 0.1.0 name this class, and pyannote imports it by that name.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from pyannote.audio import Model
from pyannote.audio.core.task import Task
from torch import Tensor, nn
from torch.nn import functional
from torchaudio.functional import melscale_fbanks

SAMPLE_RATE = 16_000
N_FFT, HOP, MELS = 400, 160, 40
WIDTH = 256
"""Cells of each LSTM layer, and the embedding dimension."""
WINDOW, STEP = 160, 40
"""Frames of 10 ms: an utterance is split into windows of 1.6 s every 0.4 s."""
MIN_FRAMES = 40
"""Less than 0.4 s of speech is too little to identify a voice."""
WINDOW_BATCH = 128
"""Windows per batch; more need more memory and are not faster."""
MIN_RMS = 10 ** (-30 / 20)
"""Root mean square, -30 dBFS, to which quieter audio is amplified."""


class Frames(NamedTuple):
    """A batch of waveforms and their mel spectrograms."""

    samples: Tensor
    """Shape (batch, samples)."""
    mels: Tensor
    """Shape (batch, frames, mels)."""


class GE2EEncoder(Model):
    """Embeds the voice of an utterance as a unit vector."""

    filters: Tensor
    hann: Tensor

    def __init__(self, sample_rate: int = SAMPLE_RATE, num_channels: int = 1, task: Task | None = None) -> None:
        super().__init__(sample_rate=sample_rate, num_channels=num_channels, task=task)
        self.save_hyperparameters("sample_rate", "num_channels")
        self.lstm = nn.LSTM(MELS, WIDTH, num_layers=3, batch_first=True)
        self.linear = nn.Linear(WIDTH, WIDTH)
        filters = melscale_fbanks(N_FFT // 2 + 1, 0.0, SAMPLE_RATE / 2, MELS, SAMPLE_RATE, "slaney", "slaney")
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("hann", torch.hann_window(N_FFT), persistent=False)

    @property
    def dimension(self) -> int:
        """The embedding dimension."""
        return WIDTH

    def forward(self, waveforms: Tensor, weights: Tensor | None = None) -> Tensor:  # type: ignore[override]  # as in pyannote's own embedding models
        """Embed each waveform.

        Args:
            waveforms: (batch, 1, samples), 16 kHz.
            weights: (batch, frames) of any frame rate; frames above 0.5 are used. None uses all.

        Returns:
            (batch, 256); a row is NaN if less than 0.4 s is used.

        Raises:
            ValueError: `weights` is None and the waveforms are shorter than 0.4 s.
        """
        if weights is None:
            if waveforms.shape[2] < MIN_FRAMES * HOP:
                raise ValueError(f"an utterance needs {MIN_FRAMES * HOP} samples, not {waveforms.shape[2]}")
            weights = torch.ones_like(waveforms[:, 0])
        return self.forward_embedding(self.forward_frames(waveforms), weights[:, None])[:, 0]

    def forward_frames(self, waveforms: Tensor) -> Frames:
        """Encode waveforms (batch, 1, samples) once; `forward_embedding` pools them under any number of masks."""
        return Frames(samples=waveforms[:, 0], mels=self._mels(waveforms[:, 0]))

    def forward_embedding(self, frames: Frames, weights: Tensor) -> Tensor:
        """Embed frames under weights (batch, slots, frames) as (batch, slots, 256); see `forward`."""
        gain = _gain(frames.samples[:, None], _resize_mask(weights, frames.samples.shape[1]))
        mels = frames.mels[:, None] * gain[..., None, None].square()
        mask = _resize_mask(weights, frames.mels.shape[1])
        utterances = [mel[used] for mel, used in zip(mels.flatten(0, 1), mask.flatten(0, 1), strict=True)]
        return self._embed(utterances).reshape(*weights.shape[:2], WIDTH)

    def _mels(self, waveforms: Tensor) -> Tensor:
        """Return linear power mel spectrograms (batch, frames, mels) of waveforms (batch, samples)."""
        spectra = torch.stft(
            waveforms, N_FFT, HOP, window=self.hann, center=True, pad_mode="constant", return_complex=True
        )
        return spectra.abs().square().transpose(1, 2) @ self.filters

    def _embed(self, utterances: Sequence[Tensor]) -> Tensor:
        """Return an embedding (256,) of each utterance (frames, mels)."""
        embeddings = [utterance.new_full((WIDTH,), torch.nan) for utterance in utterances]
        for group in _group_by_window_length(utterances):
            windows = [_windows(utterances[index]) for index in group]
            voices = torch.cat([self._voices(batch) for batch in torch.split(torch.cat(windows), WINDOW_BATCH)])
            for index, voice in zip(group, torch.split(voices, [len(each) for each in windows]), strict=True):
                embeddings[index] = functional.normalize(voice.mean(dim=0), dim=0)
        return torch.stack(embeddings)

    def _voices(self, windows: Tensor) -> Tensor:
        """Return voices (windows, 256) of windows (windows, frames, mels)."""
        _, (hidden, _) = self.lstm(windows)
        return functional.normalize(functional.relu(self.linear(hidden[-1])))


def _group_by_window_length(utterances: Sequence[Tensor]) -> Iterator[list[int]]:
    """Yield indices of utterances whose windows can be stacked; skip utterances that are too short."""
    long_enough = [index for index, utterance in enumerate(utterances) if len(utterance) >= MIN_FRAMES]
    groups: dict[int, list[int]] = {}
    for index in long_enough:
        groups.setdefault(min(len(utterances[index]), WINDOW), []).append(index)
    yield from groups.values()


def _windows(utterance: Tensor) -> Tensor:
    """Split an utterance (frames, mels) into windows (windows, frames, mels)."""
    return utterance.unfold(0, WINDOW, STEP).transpose(1, 2) if len(utterance) >= WINDOW else utterance[None]


def _resize_mask(weights: Tensor, size: int) -> Tensor:
    """Resize weights (batch, slots, frames) to a mask (batch, slots, size)."""
    return functional.interpolate(weights.float(), size=size, mode="nearest") > 0.5  # noqa: PLR2004


def _gain(samples: Tensor, mask: Tensor) -> Tensor:
    """Return the factor (batch, slots) that amplifies masked samples to MIN_RMS; louder ones keep their level."""
    energy = (samples.square() * mask).sum(dim=-1) / mask.sum(dim=-1).clamp(min=1)
    return (MIN_RMS / energy.sqrt().clamp(min=1e-9)).clamp(min=1.0)
