"""Six voices of two people: the two of pyannote's sample, each at three speeds, which shifts pitch and formants.

A diarizer may take two voices of one person for one speaker. Measure speed with scenes of more than two voices, and
accuracy with recordings of real people.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from diarize_runner.benchmark.item import shipped_sample
from diarize_runner.diarization.audio import SAMPLE_RATE, decode
from diarize_runner.diarization.isolation import isolated_directories

with isolated_directories():
    import torch
    from pyannote.core import Annotation
    from pyannote.database.util import load_rttm
    from torchaudio.functional import resample

Samples = npt.NDArray[np.float32]
"""Mono, 16 kHz."""
_SPEEDS = (1.0, 0.86, 1.16)
_FADE = 0.01
"""Seconds of fade-in and fade-out."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Voice:
    """An endless loop of one speaker's speech."""

    speech: Samples

    def speak(self, start: float, seconds: float) -> Samples:
        """Return `seconds` of speech from `start` on, with fades; wrap around at the end."""
        first, length = round(start * SAMPLE_RATE), round(seconds * SAMPLE_RATE)
        speech = np.take(self.speech, np.arange(first, first + length), mode="wrap")
        fade = np.minimum(1, np.arange(1, length + 1, dtype=np.float32) / (_FADE * SAMPLE_RATE))
        return np.asarray(speech * fade * fade[::-1], np.float32)


@cache
def voices() -> tuple[Voice, ...]:
    """Return all six voices; neighbours in the list belong to different people."""
    sample = shipped_sample()
    waveform = decode(sample.audio).waveform
    (annotation,) = load_rttm(sample.reference).values()
    people = [_solo_speech(waveform, annotation, speaker) for speaker in annotation.labels()]
    return tuple(Voice(speech=_change_speed(speech, speed)) for speed in _SPEEDS for speech in people)


def _solo_speech(waveform: Samples, annotation: Annotation, speaker: str) -> Samples:
    """Return the speech of `speaker` without overlap."""
    others = annotation.subset([speaker], invert=True).get_timeline()
    turns = annotation.label_timeline(speaker).extrude(others)
    return np.concatenate([waveform[round(turn.start * SAMPLE_RATE) : round(turn.end * SAMPLE_RATE)] for turn in turns])


def _change_speed(speech: Samples, speed: float) -> Samples:
    resampled: Samples = resample(torch.from_numpy(speech), round(speed * 100), 100).numpy()
    return resampled
