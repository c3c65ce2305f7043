"""Six voices: the two of pyannote's own sample, each at three speeds, which moves pitch and formants."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from diarize_runner.benchmark.item import shipped_sample
from diarize_runner.diarization.audio import SAMPLE_RATE, decode
from diarize_runner.diarization.fence import fenced

with fenced():
    import torch
    from pyannote.core import Annotation
    from pyannote.database.util import load_rttm
    from torchaudio.functional import resample

Samples = npt.NDArray[np.float32]
"""Mono, 16 kHz."""
_SPEEDS = (1.0, 0.86, 1.16)
_EDGE = 0.01
"""Seconds in which a voice comes and goes."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Voice:
    """Somebody who never runs out of words."""

    speech: Samples

    def says(self, start: float, seconds: float) -> Samples:
        """Return what is said from `start` on, in seconds; it begins anew where it ends."""
        first, length = round(start * SAMPLE_RATE), round(seconds * SAMPLE_RATE)
        said = np.take(self.speech, np.arange(first, first + length), mode="wrap")
        edge = np.minimum(1, np.arange(1, length + 1, dtype=np.float32) / (_EDGE * SAMPLE_RATE))
        return np.asarray(said * edge * edge[::-1], np.float32)


@cache
def voices() -> tuple[Voice, ...]:
    """Return all six; neighbours are different people."""
    sample = shipped_sample()
    waveform = decode(sample.audio).waveform
    (annotation,) = load_rttm(sample.reference).values()
    people = [_alone(waveform, annotation, speaker) for speaker in annotation.labels()]
    return tuple(Voice(speech=_at_speed(speech, speed)) for speed in _SPEEDS for speech in people)


def _alone(waveform: Samples, annotation: Annotation, speaker: str) -> Samples:
    """Return what `speaker` says while nobody else does."""
    others = annotation.subset([speaker], invert=True).get_timeline()
    turns = annotation.label_timeline(speaker).extrude(others)
    return np.concatenate([waveform[round(turn.start * SAMPLE_RATE) : round(turn.end * SAMPLE_RATE)] for turn in turns])


def _at_speed(speech: Samples, speed: float) -> Samples:
    slower: Samples = resample(torch.from_numpy(speech), round(speed * 100), 100).numpy()
    return slower
