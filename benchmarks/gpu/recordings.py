"""Recordings composed from voices in a file, because the measuring machine may lack PyAV to decode the sample."""

from pathlib import Path

import numpy as np

from diarize_runner.benchmark.compose.scene import Scene, compose
from diarize_runner.benchmark.compose.voices import Voice
from diarize_runner.benchmark.formats.figures import format_duration
from diarize_runner.diarization.audio import Recording

VOICES = "voices.npz"
_SPEAKERS = 4


def write_voices(folder: Path, voices: tuple[Voice, ...]) -> None:
    """Write the voices to a file in `folder`."""
    np.savez_compressed(folder / VOICES, *(voice.speech for voice in voices))


def read_voices(folder: Path) -> tuple[Voice, ...]:
    """Read the voices from `folder`."""
    with np.load(folder / VOICES, allow_pickle=False) as arrays:
        return tuple(Voice(speech=arrays[name]) for name in arrays.files)


def recording(seconds: float, voices: tuple[Voice, ...]) -> Recording:
    """Compose a meeting of this duration; equal voices give equal samples."""
    name = f"meeting-of-{format_duration(seconds).replace(' ', '-')}"
    return compose(Scene(name=name, seconds=seconds, speakers=_SPEAKERS, pause=2.0, overlap=0.8), voices).recording
