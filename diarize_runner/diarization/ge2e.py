"""The GE2E speaker encoder as a pyannote model, so that pyannote's own pipeline can cluster with it.

Network, features and windows are those of Resemblyzer 0.1.4 (https://github.com/resemble-ai/Resemblyzer, Apache-2.0),
after "Generalized End-to-End Loss for Speaker Verification" (https://arxiv.org/abs/1710.10467). New here is the mask:
only frames inside it are heard. A checkpoint of the embedded cache names this class; pyannote imports it from there.
"""

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
LOUDNESS = 10 ** (-30 / 20)
"""Root mean square that quieter audio is raised to: -30 dBFS."""


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
        waveforms = waveforms[:, 0]
        if weights is None:
            if waveforms.shape[1] < SHORTEST * HOP:
                raise ValueError(f"an utterance needs {SHORTEST * HOP} samples, not {waveforms.shape[1]}")
            weights = torch.ones_like(waveforms)
        mels = self._mels(waveforms) * _gain(waveforms, _heard(weights, waveforms.shape[1]))[:, None, None].square()
        heard = _heard(weights, mels.shape[1])
        return torch.stack([self._embed(mel[mask]) for mel, mask in zip(mels, heard, strict=True)])

    def _mels(self, waveforms: Tensor) -> Tensor:
        """Return power mel spectrograms (batch, frames, mels), not logarithmic, of waveforms (batch, samples)."""
        spectra = torch.stft(
            waveforms, N_FFT, HOP, window=self.hann, center=True, pad_mode="constant", return_complex=True
        )
        return spectra.abs().square().transpose(1, 2) @ self.filters

    def _embed(self, mel: Tensor) -> Tensor:
        """Return the embedding (256,) of the frames heard (frames, mels)."""
        if len(mel) < SHORTEST:
            return mel.new_full((WIDTH,), torch.nan)
        windows = mel.unfold(0, WINDOW, STEP).transpose(1, 2) if len(mel) >= WINDOW else mel[None]
        _, (hidden, _) = self.lstm(windows)
        voices = functional.normalize(functional.relu(self.linear(hidden[-1])))
        return functional.normalize(voices.mean(dim=0), dim=0)


def _heard(weights: Tensor, size: int) -> Tensor:
    """Return the mask (batch, size) of what is heard, whatever the frame rate of the weights (batch, frames)."""
    return functional.interpolate(weights[:, None].float(), size=size, mode="nearest")[:, 0] > 0.5  # noqa: PLR2004


def _gain(waveforms: Tensor, heard: Tensor) -> Tensor:
    """Return the factor (batch,) that raises the samples heard to LOUDNESS; louder ones stay as they are."""
    energy = (waveforms.square() * heard).sum(dim=1) / heard.sum(dim=1).clamp(min=1)
    return (LOUDNESS / energy.sqrt().clamp(min=1e-9)).clamp(min=1.0)
