"""The GE2E speaker encoder as a pyannote model, so that pyannote's own pipeline can cluster with it.

Network, features and windows are those of Resemblyzer 0.1.4 (https://github.com/resemble-ai/Resemblyzer, Apache-2.0),
after "Generalized End-to-End Loss for Speaker Verification" (https://arxiv.org/abs/1710.10467). New here is the mask:
only frames inside it are heard. A checkpoint of the embedded cache names this class; pyannote imports it from there.
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
"""Cells of each LSTM layer, and dimension of an embedding."""
WINDOW, STEP = 160, 40
"""Frames of 10 ms: an utterance is heard in windows of 1.6 s, one every 0.4 s."""
SHORTEST = 40
"""Frames; less speech than 0.4 s says too little about a voice."""
AT_ONCE = 128
"""Windows; more of them take more memory, and are no sooner done."""
LOUDNESS = 10 ** (-30 / 20)
"""Root mean square that quieter audio is raised to: -30 dBFS."""


class Frames(NamedTuple):
    """A batch of waveforms that was heard."""

    samples: Tensor
    """(batch, samples)."""
    mels: Tensor
    """(batch, frames, mels)."""


class GE2EEncoder(Model):
    """Voice of one utterance, as a vector of length 1."""

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
        """Length of an embedding."""
        return WIDTH

    def forward(self, waveforms: Tensor, weights: Tensor | None = None) -> Tensor:  # type: ignore[override]  # as in pyannote's own embedding models
        """Embed each waveform.

        Args:
            waveforms: (batch, 1, samples), 16 kHz.
            weights: (batch, frames) of any frame rate; frames above 0.5 are heard. None hears all.

        Returns:
            (batch, 256); rows of NaN where less than 0.4 s is heard.

        Raises:
            ValueError: without weights, when the waveforms are shorter than 0.4 s.
        """
        if weights is None:
            if waveforms.shape[2] < SHORTEST * HOP:
                raise ValueError(f"an utterance needs {SHORTEST * HOP} samples, not {waveforms.shape[2]}")
            weights = torch.ones_like(waveforms[:, 0])
        return self.forward_embedding(self.forward_frames(waveforms), weights[:, None])[:, 0]

    def forward_frames(self, waveforms: Tensor) -> Frames:
        """Hear waveforms (batch, 1, samples) once, for `forward_embedding` to pool under any number of masks."""
        return Frames(samples=waveforms[:, 0], mels=self._mels(waveforms[:, 0]))

    def forward_embedding(self, frames: Frames, weights: Tensor) -> Tensor:
        """Embed what each of weights (batch, slots, frames) hears, as (batch, slots, 256); see `forward`."""
        gain = _gain(frames.samples[:, None], _heard(weights, frames.samples.shape[1]))
        mels = frames.mels[:, None] * gain[..., None, None].square()
        heard = _heard(weights, frames.mels.shape[1])
        utterances = [mel[mask] for mel, mask in zip(mels.flatten(0, 1), heard.flatten(0, 1), strict=True)]
        return self._embed(utterances).reshape(*weights.shape[:2], WIDTH)

    def _mels(self, waveforms: Tensor) -> Tensor:
        """Return power mel spectrograms (batch, frames, mels), not logarithmic, of waveforms (batch, samples)."""
        spectra = torch.stft(
            waveforms, N_FFT, HOP, window=self.hann, center=True, pad_mode="constant", return_complex=True
        )
        return spectra.abs().square().transpose(1, 2) @ self.filters

    def _embed(self, utterances: Sequence[Tensor]) -> Tensor:
        """Return an embedding (256,) of each utterance (frames, mels)."""
        embeddings = [utterance.new_full((WIDTH,), torch.nan) for utterance in utterances]
        for alike in _with_windows_as_long(utterances):
            windows = [_windows(utterances[index]) for index in alike]
            voices = torch.cat([self._voices(some) for some in torch.split(torch.cat(windows), AT_ONCE)])
            for index, voice in zip(alike, torch.split(voices, [len(some) for some in windows]), strict=True):
                embeddings[index] = functional.normalize(voice.mean(dim=0), dim=0)
        return torch.stack(embeddings)

    def _voices(self, windows: Tensor) -> Tensor:
        """Return the voice (256,) in each of the windows (windows, frames, mels)."""
        _, (hidden, _) = self.lstm(windows)
        return functional.normalize(functional.relu(self.linear(hidden[-1])))


def _with_windows_as_long(utterances: Sequence[Tensor]) -> Iterator[list[int]]:
    """Yield the indices of utterances whose windows can be stacked; without those that are too short."""
    long_enough = [index for index, utterance in enumerate(utterances) if len(utterance) >= SHORTEST]
    alike: dict[int, list[int]] = {}
    for index in long_enough:
        alike.setdefault(min(len(utterances[index]), WINDOW), []).append(index)
    yield from alike.values()


def _windows(utterance: Tensor) -> Tensor:
    """Return the windows (windows, frames, mels) that an utterance (frames, mels) is heard in."""
    return utterance.unfold(0, WINDOW, STEP).transpose(1, 2) if len(utterance) >= WINDOW else utterance[None]


def _heard(weights: Tensor, size: int) -> Tensor:
    """Return masks (batch, slots, size) of what is heard, whatever the frame rate of weights (batch, slots, frames)."""
    return functional.interpolate(weights.float(), size=size, mode="nearest") > 0.5  # noqa: PLR2004


def _gain(samples: Tensor, heard: Tensor) -> Tensor:
    """Return the factor (batch, slots) that raises the samples heard to LOUDNESS; louder ones stay as they are."""
    energy = (samples.square() * heard).sum(dim=-1) / heard.sum(dim=-1).clamp(min=1)
    return (LOUDNESS / energy.sqrt().clamp(min=1e-9)).clamp(min=1.0)
