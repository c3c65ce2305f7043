"""The decoder, which audio.py runs in a process of its own: `python -m diarize_runner.diarization.decoding REQUEST`.

    stdin     the recording, open for reading
    REQUEST   JSON: the recording's name, the channel or null, the limits, the process that asks
    stdout    the samples, mono at 16 kHz, as float32
    stderr    if it exits with REFUSED, what is wrong with the recording, in its last line

All channels weigh the same in the mix, as in pyannote.audio. FFmpeg resamples, but does not mix: its own
mix leaves out the low-frequency channel and makes float stereo 3 dB louder, above full scale.

Time is counted in decoded samples, as transcribers count it: pauses in a container's timestamps are not
filled. So a file in which FFmpeg reports damage is refused, for to skip over it would move all that follows. Of WAV and
AIFF that were cut short it says nothing: what their header says is compared with what is there.
"""

import json
import os
import shlex
import stat
import sys
from collections.abc import Iterator
from itertools import chain, groupby
from typing import IO, Final, Literal

import av
import av.subtitles.codeccontext
import av.subtitles.stream  # PyAV imports these two when it meets a stream, and then no file may be opened any more
import numpy as np
import numpy.typing as npt

from diarize_runner.confinement import Allowance, confine
from diarize_runner.diarization.audio import REFUSED, SAMPLE_RATE, Limits, to_line, try_as_wav
from diarize_runner.errors import AudioError, EmptyAudio, UnreadableAudio

_EXPECTED: Final = "expected a file with audio that FFmpeg can decode, such as WAV, FLAC, MP3, OGG, M4A or MP4"
_BYTE_ORDER: Final[dict[bytes, Literal["little", "big"]]] = {b"RIFF": "little", b"FORM": "big"}
"""WAV and AIFF begin with one of these words and the number of bytes that follow."""
_UNKNOWN: Final = 0x7FFF0000
"""What writes to a pipe cannot know that number, and puts one of this size."""
_SLACK: Final = 1024
"""Bytes that writers may count wrong."""

Samples = npt.NDArray[np.float32]


def main() -> int:
    """Decode what the command line asks for."""
    name, channel, limits, parent = json.loads(sys.argv[1])
    confine(allowance(Limits(**limits)), parent)
    try:
        for block in blocks(sys.stdin.buffer, name, channel, limits["audio_seconds"]):
            sys.stdout.buffer.write(block.tobytes())
        sys.stdout.buffer.flush()
    except MemoryError:
        wanted = f"{name} takes more than {limits['memory'] >> 20} MiB to decode"
        return _refuse(UnreadableAudio(wanted, hint=try_as_wav(name)))
    except AudioError as error:
        return _refuse(error)
    return 0


def allowance(limits: Limits) -> Allowance:
    """Return what this process may use: with a minute of samples to spare, so that too long a recording is an error."""
    longest = round((limits.audio_seconds + 60) * SAMPLE_RATE * np.dtype(np.float32).itemsize)
    return Allowance(memory=limits.memory, cpu_seconds=limits.cpu_seconds, file_bytes=longest)


def blocks(source: IO[bytes], name: str, channel: int | None, limit_seconds: float) -> Iterator[Samples]:
    """Yield the recording's samples as they are decoded; errors call it `name`.

    Raises:
        UnreadableAudio: it is not audio, is damaged, or was cut short.
        EmptyAudio: it holds no samples.
        AudioError: it is longer than `limit_seconds`, or has no such channel.
    """
    _require_whole(source.fileno(), name)
    decoded = 0
    try:
        for block in _mono(source, name, channel):
            _require_numbers(block, name, decoded)
            decoded += len(block)
            if decoded > limit_seconds * SAMPLE_RATE:
                raise AudioError(f"{name} is longer than {limit_seconds:g} s", hint="cut it into shorter recordings")
            yield block
    except av.FFmpegError as error:
        raise _undecodable(name, error, decoded) from error
    except OSError as error:
        raise UnreadableAudio(f"cannot read {name}: {error.strerror}", hint="check the disk it is on") from error
    if not decoded:
        raise EmptyAudio(f"{name} holds no samples", hint="check that the recorder was running")


def _require_whole(source: int, name: str) -> None:
    if not stat.S_ISREG(os.fstat(source).st_mode):
        return
    head, there = os.pread(source, 8, 0), os.fstat(source).st_size
    order = _BYTE_ORDER.get(head[:4])
    said = int.from_bytes(head[4:], order) if order else 0
    if said < _UNKNOWN and said - there > _SLACK:
        raise UnreadableAudio(
            f"{name} is cut short: {there:,} bytes of {said + len(head):,} are there",
            hint=f"copy it again, or keep what is there: ffmpeg -i {shlex.quote(name)} kept.wav",
        )


def _mono(source: IO[bytes], name: str, channel: int | None) -> Iterator[Samples]:
    # An open file and no protocols: a playlist that calls itself audio cannot make FFmpeg open anything else.
    with av.open(source, options={"protocol_whitelist": "none"}) as container:
        stream = container.streams.best("audio")
        if not isinstance(stream, av.AudioStream):
            raise UnreadableAudio(f"{name} holds no audio stream", hint=_EXPECTED)
        # A stream may change its rate or channels midway, and a resampler knows only one of each.
        for (_, _, channels, _), frames in groupby(container.decode(stream), key=_shape):
            _require_channel(channel, channels, name)
            resampler = av.AudioResampler(format="fltp", rate=SAMPLE_RATE)
            for frame in chain(frames, [None]):  # None asks for what the resampler still holds
                for resampled in resampler.resample(frame):
                    heard = resampled.to_ndarray()
                    yield heard.mean(axis=0) if channel is None else heard[channel - 1]


def _shape(frame: av.AudioFrame) -> tuple[str, str, int, int]:
    return frame.format.name, frame.layout.name, frame.layout.nb_channels, frame.sample_rate


def _require_channel(channel: int | None, channels: int, name: str) -> None:
    if channel is not None and not 1 <= channel <= channels:
        raise AudioError(
            f"{name} has no channel {channel}: it has {channels}",
            hint="they are counted from 1; --channel mix takes all",
        )


def _require_numbers(block: Samples, name: str, decoded: int) -> None:
    """Refuse NaN and infinity, which a float format can hold: one of them makes nonsense of all that a model says."""
    finite = np.isfinite(block)
    if not finite.all():
        seconds = (decoded + int(finite.argmin())) / SAMPLE_RATE
        raise UnreadableAudio(
            f"{name} holds a sample that is no number, {seconds:.2f} s after its start",
            hint=f"make whole numbers of them: ffmpeg -i {shlex.quote(name)} -c:a pcm_s16le repaired.wav",
        )


def _undecodable(name: str, error: av.FFmpegError, decoded: int) -> UnreadableAudio:
    if not decoded:
        return UnreadableAudio(f"cannot decode {name}: {error.strerror}", hint=_EXPECTED)
    return UnreadableAudio(
        f"{name} is damaged {decoded / SAMPLE_RATE:.2f} s after its start: {error.strerror}",
        hint=f"keep what can be decoded: ffmpeg -i {shlex.quote(name)} repaired.wav",
    )


def _refuse(error: AudioError) -> int:
    sys.stderr.write(f"\n{to_line(error)}\n")
    return REFUSED


if __name__ == "__main__":
    sys.exit(main())
