"""Recordings of known text: NAME.wav (or FLAC, MP3, ...) with NAME.stm, which has the speakers."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.peers.wav import write_wav
from diarize_runner.benchmark.folder import AUDIO_SUFFIXES
from diarize_runner.benchmark.item import shipped_sample
from diarize_runner.diarization.audio import Recording, decode
from diarize_runner.disk import disk_errors
from diarize_runner.errors import UsageError


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownRecording:
    """A recording, and what was said by whom."""

    audio: Path
    reference: Path
    """STM, with the speaker of each line."""


def sample() -> KnownRecording:
    """Return the 30 s conversation that ships with pyannote.audio."""
    item = shipped_sample()
    if item.transcript is None:
        raise TypeError("the sample has a transcript")
    return KnownRecording(audio=item.audio, reference=item.transcript)


def read_folder(folder: Path) -> tuple[KnownRecording, ...]:
    """Return the recordings of a folder, sorted by name.

    Raises:
        UsageError: it has no recording, or a recording lacks its reference.
        DiskError: it cannot be read.
    """
    with disk_errors(folder):
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in AUDIO_SUFFIXES)
    found = tuple(KnownRecording(audio=path, reference=path.with_suffix(".stm")) for path in files)
    if not found:
        raise UsageError(f"{folder} holds no recording", hint="put NAME.wav (or FLAC, MP3, ...) and NAME.stm into it")
    for each in found:
        if not each.reference.is_file():
            raise UsageError(f"{each.audio} has no reference", hint=f"write {each.reference.name}, with speakers")
    return found


def repeat(audio: Path, seconds: float) -> Recording:
    """Return a recording, played again until it lasts at least `seconds`. Raises AudioError."""
    once = decode(audio)
    times = max(1, int(np.ceil(seconds / once.duration)))
    return Recording(uri=once.uri, waveform=np.tile(once.waveform, times))


def write_repeated(audio: Path, seconds: float, folder: Path) -> tuple[Path, float]:
    """Write the same as a WAV file; return its path and duration in seconds."""
    recording = repeat(audio, seconds)
    return write_wav(recording.waveform, folder / f"{audio.stem}-repeated.wav"), recording.duration
