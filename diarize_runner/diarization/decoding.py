"""The decoder, which audio.py runs in its own process: `python -m diarize_runner.diarization.decoding REQUEST`.

    stdin     the recording, open for reading
    REQUEST   JSON: the recording's name, the channel or null, the limits, the parent's process id
    stdout    the samples, mono at 16 kHz, as float32
    stderr    the error in its last line, if the exit code is EXIT_AUDIO_ERROR

All channels have equal weight in the mix, as in pyannote.audio. FFmpeg resamples but does not mix: its
mix drops the low-frequency channel and makes float stereo 3 dB louder, above full scale.

Time is counted in decoded samples, as transcribers do: gaps in a container's timestamps are not filled. A file in
which FFmpeg reports damage is refused, because skipping it would shift all later times. FFmpeg does not report
truncated WAV and AIFF files, so the size in their header is compared with the file's size.
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
import av.subtitles.stream  # PyAV imports both on demand, when the confined process can open no file
import numpy as np
import numpy.typing as npt

from diarize_runner.confinement import ResourceLimits, confine
from diarize_runner.diarization.audio import EXIT_AUDIO_ERROR, SAMPLE_RATE, Limits, encode_error, wav_hint
from diarize_runner.errors import AudioError, EmptyAudio, UnreadableAudio

_FORMAT_HINT: Final = "use a file with audio that FFmpeg can decode, such as WAV, FLAC, MP3, OGG, M4A or MP4"
_BYTE_ORDER: Final[dict[bytes, Literal["little", "big"]]] = {b"RIFF": "little", b"FORM": "big"}
"""WAV and AIFF start with one of these tags and the number of bytes that follow."""
_UNKNOWN_SIZE: Final = 0x7FFF0000
"""Writers to a pipe do not know the size, and put this number or a larger one."""
_SIZE_TOLERANCE: Final = 1024
"""Bytes by which a header may be wrong."""

Samples = npt.NDArray[np.float32]


def main() -> int:
    """Decode the recording that the command line requests."""
    name, channel, limits, parent = json.loads(sys.argv[1])
    confine(resource_limits(Limits(**limits)), parent)
    try:
        for block in decode_blocks(sys.stdin.buffer, name, channel, limits["audio_seconds"]):
            sys.stdout.buffer.write(block.tobytes())
        sys.stdout.buffer.flush()
    except MemoryError:
        message = f"{name} takes more than {limits['memory'] >> 20} MiB to decode"
        return _report_error(UnreadableAudio(message, hint=wav_hint(name)))
    except AudioError as error:
        return _report_error(error)
    return 0


def resource_limits(limits: Limits) -> ResourceLimits:
    """Return the limits of this process; a spare minute of samples lets `decode_blocks` report too long a recording."""
    file_bytes = round((limits.audio_seconds + 60) * SAMPLE_RATE * np.dtype(np.float32).itemsize)
    return ResourceLimits(memory=limits.memory, cpu_seconds=limits.cpu_seconds, file_bytes=file_bytes)


def decode_blocks(source: IO[bytes], name: str, channel: int | None, limit_seconds: float) -> Iterator[Samples]:
    """Yield the recording's samples as they are decoded; errors refer to it as `name`.

    Raises:
        UnreadableAudio: it is not audio, is damaged, or is truncated.
        EmptyAudio: it holds no samples.
        AudioError: it is longer than `limit_seconds` or lacks the channel.
    """
    _require_complete(source.fileno(), name)
    decoded = 0
    try:
        for block in _mono(source, name, channel):
            _require_finite(block, name, decoded)
            decoded += len(block)
            if decoded > limit_seconds * SAMPLE_RATE:
                raise AudioError(f"{name} is longer than {limit_seconds:g} s", hint="cut it into shorter recordings")
            yield block
    except av.FFmpegError as error:
        raise _decode_error(name, error, decoded) from error
    except OSError as error:
        raise UnreadableAudio(f"cannot read {name}: {error.strerror}", hint="check the disk it is on") from error
    if not decoded:
        raise EmptyAudio(f"{name} holds no samples", hint="check that the recorder was running")


def _require_complete(source: int, name: str) -> None:
    if not stat.S_ISREG(os.fstat(source).st_mode):
        return
    head, size = os.pread(source, 8, 0), os.fstat(source).st_size
    order = _BYTE_ORDER.get(head[:4])
    declared = int.from_bytes(head[4:], order) if order else 0
    if declared < _UNKNOWN_SIZE and declared - size > _SIZE_TOLERANCE:
        raise UnreadableAudio(
            f"{name} is truncated: it has {size:,} of {declared + len(head):,} bytes",
            hint=f"copy it again, or keep the part that exists: ffmpeg -i {shlex.quote(name)} kept.wav",
        )


def _mono(source: IO[bytes], name: str, channel: int | None) -> Iterator[Samples]:
    # An open file and no protocols: a playlist disguised as audio cannot make FFmpeg open other files.
    with av.open(source, options={"protocol_whitelist": "none"}) as container:
        stream = container.streams.best("audio")
        if not isinstance(stream, av.AudioStream):
            raise UnreadableAudio(f"{name} holds no audio stream", hint=_FORMAT_HINT)
        # A stream may change its rate or channels midway; a resampler supports only one of each.
        for (_, _, channels, _), frames in groupby(container.decode(stream), key=_shape):
            _require_channel(channel, channels, name)
            resampler = av.AudioResampler(format="fltp", rate=SAMPLE_RATE)
            for frame in chain(frames, [None]):  # None flushes the resampler
                for resampled in resampler.resample(frame):
                    channel_samples = resampled.to_ndarray()
                    yield channel_samples.mean(axis=0) if channel is None else channel_samples[channel - 1]


def _shape(frame: av.AudioFrame) -> tuple[str, str, int, int]:
    return frame.format.name, frame.layout.name, frame.layout.nb_channels, frame.sample_rate


def _require_channel(channel: int | None, channels: int, name: str) -> None:
    if channel is not None and not 1 <= channel <= channels:
        raise AudioError(
            f"{name} has no channel {channel}: it has {channels}",
            hint="count channels from 1, or use --channel mix for all",
        )


def _require_finite(block: Samples, name: str, decoded: int) -> None:
    """Refuse NaN and infinity, which float formats can hold: one such sample corrupts the whole output of a model."""
    finite = np.isfinite(block)
    if not finite.all():
        seconds = (decoded + int(finite.argmin())) / SAMPLE_RATE
        raise UnreadableAudio(
            f"{name} contains NaN or infinity at {seconds:.2f} s",
            hint=f"convert it to 16-bit integers: ffmpeg -i {shlex.quote(name)} -c:a pcm_s16le repaired.wav",
        )


def _decode_error(name: str, error: av.FFmpegError, decoded: int) -> UnreadableAudio:
    if not decoded:
        return UnreadableAudio(f"cannot decode {name}: {error.strerror}", hint=_FORMAT_HINT)
    return UnreadableAudio(
        f"{name} is damaged at {decoded / SAMPLE_RATE:.2f} s: {error.strerror}",
        hint=f"keep the part that can be decoded: ffmpeg -i {shlex.quote(name)} repaired.wav",
    )


def _report_error(error: AudioError) -> int:
    sys.stderr.write(f"\n{encode_error(error)}\n")
    return EXIT_AUDIO_ERROR


if __name__ == "__main__":
    sys.exit(main())
