"""Check decoded samples: there are some, not too many, and each is a number."""

import shlex
from collections.abc import Iterator

import numpy as np

from diarize_runner.diarization.audio import SAMPLE_RATE
from diarize_runner.diarization.levels import Samples
from diarize_runner.errors import AudioError, EmptyAudio, UnreadableAudio


def checked(blocks: Iterator[Samples], name: str, limit_seconds: float) -> Iterator[Samples]:
    """Yield blocks of samples (samples,) or (samples, channels) of the recording `name`.

    Raises:
        AudioError: all channels together are longer than `limit_seconds`.
        EmptyAudio: there are no samples.
        UnreadableAudio: a sample is NaN or infinite.
    """
    decoded = 0
    for block in blocks:
        _require_finite(block, name, decoded)
        decoded += len(block)
        channels = block.size // len(block)
        if decoded * channels > limit_seconds * SAMPLE_RATE:
            seconds = f"{limit_seconds:g} s" + (f" / {channels} channels" if channels > 1 else "")
            raise AudioError(f"{name} is longer than {seconds}", hint="cut it into shorter recordings")
        yield block
    if not decoded:
        raise EmptyAudio(f"{name} holds no samples", hint="check that the recorder was running")


def _require_finite(block: Samples, name: str, decoded: int) -> None:
    """Refuse NaN and infinity, which float formats can hold: one such sample corrupts the whole output of a model."""
    finite = np.isfinite(block).reshape(len(block), -1).all(axis=1)
    if not finite.all():
        seconds = (decoded + int(finite.argmin())) / SAMPLE_RATE
        raise UnreadableAudio(
            f"{name} contains NaN or infinity at {seconds:.2f} s",
            hint=f"convert it to 16-bit integers: ffmpeg -i {shlex.quote(name)} -c:a pcm_s16le repaired.wav",
        )
