"""A recording as the models hear it: mono, 16 kHz, from whatever container and codec it came in.

All channels weigh the same in the mix, as in pyannote.audio. FFmpeg resamples, but does not mix: its own
mix leaves out the low-frequency channel and makes float stereo 3 dB louder, above full scale.

Time is counted in decoded samples, as transcribers count it: pauses in a container's timestamps are not
filled. So a file in which FFmpeg reports damage is refused, for to skip over it would move all that follows.
"""

import re
import shlex
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from typing import Final

import av
import numpy as np
import numpy.typing as npt

from diarize_runner.errors import AudioError, EmptyAudio, UnreadableAudio

SAMPLE_RATE: Final = 16_000
"""Samples a second: what the models were trained on."""

LIMIT_SECONDS: Final = 8 * 60 * 60.0
"""A working day, which is 1.7 GiB of samples; a small file can hold far more silence than memory can."""

_EXPECTED: Final = "expected a file with audio that FFmpeg can decode, such as WAV, FLAC, MP3, OGG, M4A or MP4"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Recording:
    """Decoded audio, and the name its results go by."""

    uri: str
    """A name without blanks, as RTTM wants it."""
    waveform: npt.NDArray[np.float32]
    """Mono samples, of shape (samples,); full scale is 1."""
    sample_rate: int = SAMPLE_RATE
    """Samples a second."""

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.waveform) / self.sample_rate


def decode(path: Path, *, limit_seconds: float = LIMIT_SECONDS) -> Recording:
    """Decode the file's audio (of several streams, the one FFmpeg thinks best); its stem is the `uri`.

    Raises:
        UnreadableAudio: the file is missing, is not audio, or is damaged.
        EmptyAudio: it holds no samples.
        AudioError: it is longer than `limit_seconds`, of which no more is decoded.
    """
    samples = array("f")  # grows in place: blocks kept apart would need the memory twice when joined
    try:
        for block in _blocks(path):
            samples.frombytes(block.tobytes())
            if len(samples) > limit_seconds * SAMPLE_RATE:
                raise AudioError(f"{path} is longer than {limit_seconds:g} s", hint="cut it into shorter recordings")
    except av.FFmpegError as error:
        raise _undecodable(path, error, len(samples) / SAMPLE_RATE) from error
    except OSError as error:
        raise UnreadableAudio(f"cannot read {path}: {error.strerror}", hint="check the path") from error
    if not samples:
        raise EmptyAudio(f"{path} holds no samples", hint="check that the recorder was running")
    return Recording(uri=_uri(path), waveform=np.frombuffer(samples, dtype=np.float32))


def _uri(path: Path) -> str:
    # Bytes of a name that are no text come as lone surrogates, which no file of results can hold.
    return re.sub(r"[\s\ud800-\udfff]", "_", path.stem)


def _blocks(path: Path) -> Iterator[npt.NDArray[np.float32]]:
    # An open file and no protocols: a playlist that calls itself audio cannot make FFmpeg open anything else.
    with path.open("rb") as file, av.open(file, options={"protocol_whitelist": "none"}) as container:
        stream = container.streams.best("audio")
        if not isinstance(stream, av.AudioStream):
            raise UnreadableAudio(f"{path} holds no audio stream", hint=_EXPECTED)
        # A stream may change its rate or channels midway, and a resampler knows only one of each.
        for _, frames in groupby(container.decode(stream), key=_shape):
            resampler = av.AudioResampler(format="fltp", rate=SAMPLE_RATE)
            for frame in chain(frames, [None]):  # None asks for what the resampler still holds
                for resampled in resampler.resample(frame):
                    yield resampled.to_ndarray().mean(axis=0)


def _shape(frame: av.AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _undecodable(path: Path, error: av.FFmpegError, decoded_seconds: float) -> UnreadableAudio:
    if not decoded_seconds:
        return UnreadableAudio(f"cannot decode {path}: {error.strerror}", hint=_EXPECTED)
    return UnreadableAudio(
        f"{path} is damaged {decoded_seconds:.2f} s after its start: {error.strerror}",
        hint=f"keep what can be decoded: ffmpeg -i {shlex.quote(str(path))} repaired.wav",
    )
