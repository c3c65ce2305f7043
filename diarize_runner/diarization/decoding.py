"""The decoder, which decoders.py runs in its own process: `python -m diarize_runner.diarization.decoding PARENT`.

    PARENT    the parent's process id
    stdin     a socket. Its first byte comes with two descriptors, which become stdin and stdout: the recording, a file
              open for reading, and a file for the samples. A request follows, up to the end, as JSON: the recording's
              name, the selection, the limits. Without a first byte, nothing is to be decoded.
    stdout    the samples at 16 kHz, as float32: mono, or interleaved if each channel is requested
    stderr    in its last line the report, or the error if the exit code is EXIT_AUDIO_ERROR

All channels have equal weight in the mix, as in pyannote.audio. FFmpeg resamples but does not mix: its
mix drops the low-frequency channel and makes float stereo 3 dB louder, above full scale.

Time is counted in decoded samples, as transcribers do: gaps in a container's timestamps are not filled, and damaged
packets are left out (packets.py). What is known to be missing is a warning (wholeness.py), as are faults that only the
samples show (levels.py).
"""

import json
import os
import shlex
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import PurePath
from typing import IO, Any, Final

import av
import av.subtitles.codeccontext
import av.subtitles.stream  # PyAV imports both on demand, when the confined process can open no file
import numpy as np

from diarize_runner.child import die_with_parent
from diarize_runner.confinement import ResourceLimits, confine
from diarize_runner.diarization.audio import (
    EXIT_AUDIO_ERROR,
    SAMPLE_RATE,
    DecoderReport,
    Limits,
    Selection,
    encode_error,
    wav_hint,
)
from diarize_runner.diarization.channels import EACH, Channel
from diarize_runner.diarization.levels import Levels, Samples
from diarize_runner.diarization.packets import PacketDecoder
from diarize_runner.diarization.samples import checked
from diarize_runner.diarization.wholeness import describe_losses, stated_duration
from diarize_runner.errors import AudioError, UnreadableAudio

_FORMAT_HINT: Final = "use a file with audio that FFmpeg can decode, such as WAV, FLAC, MP3, OGG, M4A or MP4"
_HEADERLESS: Final = frozenset({".722", ".aptx", ".g722", ".g723_1", ".g729", ".gsm", ".rco", ".sln", ".tco"})
"""Suffixes of formats without a header, which FFmpeg knows by name only, and which have one sample rate each."""
_MAX_CHANNELS: Final = 64
"""SWR_CH_MAX in https://github.com/FFmpeg/FFmpeg/blob/n8.0/libswresample/swresample_internal.h."""
_STDIN, _STDOUT = 0, 1
_BATCH: Final = 1 << 16
"""Samples to process at a time, 4 s: a frame has so few that calls of NumPy would take longer than FFmpeg."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What to decode."""

    name: str
    """The recording's name in errors; its suffix tells formats without a header."""
    selection: Selection
    limit_seconds: float
    """The longest recording to accept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _NamedFile:
    """The parts of a file that PyAV uses, with a name for FFmpeg, which does not open it."""

    name: str
    read: Callable[[int], bytes]
    seek: Callable[[int, int], int]
    tell: Callable[[], int]


def main() -> int:
    """Wait for a recording, and decode it."""
    parent = int(sys.argv[1])
    die_with_parent(parent)
    if not (received := _receive()):
        return 0
    name, selection, limits = json.loads(received)
    confine(resource_limits(Limits(**limits)), parent)
    request = Request(name=name, selection=Selection(**selection), limit_seconds=limits["audio_seconds"])
    try:
        with open(_STDIN, "rb", closefd=False) as source, open(_STDOUT, "r+b", closefd=False) as target:
            report = decode_into(target, source, request)
    except MemoryError:
        message = f"{name} takes more than {limits['memory'] >> 20} MiB to decode"
        return _report_error(UnreadableAudio(message, hint=wav_hint(name)))
    except AudioError as error:
        return _report_error(error)
    sys.stderr.write(f"\n{report.encode()}\n")
    return 0


def _receive() -> bytes:
    """Return the request, whose files are stdin and stdout then; return nothing if the parent has none."""
    with socket.socket(fileno=os.dup(_STDIN)) as channel:
        first, files, _, _ = socket.recv_fds(channel, 1, 2)
        if not first:
            return b""
        request = b"".join(iter(lambda: channel.recv(_BATCH), b""))
    for received, standard in zip(files, (_STDIN, _STDOUT), strict=True):
        os.dup2(received, standard)
        os.close(received)
    return request


def resource_limits(limits: Limits) -> ResourceLimits:
    """Return the limits of this process; a spare minute of samples lets `decode_into` report too long a recording."""
    file_bytes = round((limits.audio_seconds + 60) * SAMPLE_RATE * np.dtype(np.float32).itemsize)
    return ResourceLimits(memory=limits.memory, cpu_seconds=limits.cpu_seconds, file_bytes=file_bytes)


def decode_into(target: IO[bytes], source: IO[bytes], request: Request) -> DecoderReport:
    """Write the recording's samples to `target`, and report on it.

    Raises:
        UnreadableAudio: it is not audio, or most of it is damaged.
        EmptyAudio: it holds no samples.
        AudioError: it is too long, or lacks the stream or channel.
    """
    name = request.name
    try:
        # An open file and no protocols: a playlist disguised as audio cannot make FFmpeg open other files.
        options = {"protocol_whitelist": "none"}
        with av.open(_named(source, name), options=options, **_metadata_options()) as container:
            return _decode_container(container, source.fileno(), target, request)
    except av.FFmpegError as error:
        raise UnreadableAudio(f"cannot decode {name}: {error.strerror}", hint=_FORMAT_HINT) from error
    except OSError as error:
        raise UnreadableAudio(f"cannot read {name}: {error.strerror}", hint="check the disk it is on") from error


def _metadata_options() -> dict[str, Any]:
    """Titles need not be UTF-8. PyAV fails on one that is not, until version 19, which has no such option."""
    return {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}  # noqa: PLR2004  # above


def _named(source: IO[bytes], name: str) -> _NamedFile:
    """Give the file a name that has a suffix only where the content does not tell the format."""
    suffix = PurePath(name).suffix.lower()
    hint = f"recording{suffix if suffix in _HEADERLESS else ''}"
    return _NamedFile(name=hint, read=source.read, seek=source.seek, tell=source.tell)


def _decode_container(
    container: av.container.InputContainer, source: int, target: IO[bytes], request: Request
) -> DecoderReport:
    stream, levels = _select_stream(container, request), Levels()
    decoder = PacketDecoder(container, stream)
    try:
        for block in checked(_selected(decoder, request, levels), request.name, request.limit_seconds):
            target.write(block.tobytes())
    except av.FFmpegError as error:
        raise _damage_error(request.name, error, decoder) from error
    if levels.are_far_above_full_scale:
        _scale(target, 1 / levels.peak)
    losses = describe_losses(source, decoder, stated_duration(container, stream, source))
    warnings = (
        *(f"the recording is {loss}" for loss in losses),
        *_describe_levels(levels, request.selection, _place_of(stream, container), len(container.streams.audio)),
    )
    return DecoderReport(channels=levels.channels, warnings=warnings)


def _select_stream(container: av.container.InputContainer, request: Request) -> av.AudioStream:
    """Return the audio stream of the given number, or the one that FFmpeg ranks best."""
    streams, number = container.streams.audio, request.selection.stream
    if not streams:
        raise UnreadableAudio(f"{request.name} holds no audio stream", hint=_FORMAT_HINT)
    if number is not None and number > len(streams):
        message = f"{request.name} has no audio stream {number}: it has {len(streams)}"
        raise AudioError(message, hint="count audio streams from 1, or use --stream auto")
    best = container.streams.best("audio") if number is None else streams[number - 1]
    stream = best if isinstance(best, av.AudioStream) else streams[0]
    if not stream.codec_context:
        raise UnreadableAudio(f"cannot decode {request.name}: Decoder not found", hint=_FORMAT_HINT)
    return stream


def _place_of(stream: av.AudioStream, container: av.container.InputContainer) -> int:
    return 1 + [each.index for each in container.streams.audio].index(stream.index)


def _selected(decoder: PacketDecoder, request: Request, levels: Levels) -> Iterator[Samples]:
    """Yield blocks of shape (samples,), or (samples, channels) if each channel is requested."""
    # A stream may change its rate or channels midway; a resampler supports only one of each.
    for (_, _, channels, _), frames in groupby(decoder.frames(), key=_shape):
        _require_channels(channels, levels.channels or channels, request)
        for batch in _resample(frames):
            block = _select_channel(batch, request.selection.channel)
            levels.add(batch, block)
            yield block


def _select_channel(batch: Samples, channel: Channel) -> Samples:
    if channel == EACH:
        return np.transpose(batch)
    selected: Samples = batch.mean(axis=0) if channel is None else batch[channel - 1]
    return selected


def _resample(frames: Iterator[av.AudioFrame]) -> Iterator[Samples]:
    """Yield arrays of shape (channels, samples) at 16 kHz.

    The resampler's samples are packed: PyAV looks for the end of a list of planes, which has none from 8 planes on.
    """
    resampler = av.AudioResampler(format="flt", rate=SAMPLE_RATE)
    pending, samples = list[av.AudioFrame](), 0
    for frame in chain(frames, [None]):  # None flushes the resampler
        resampled = resampler.resample(frame)
        pending += resampled
        samples += sum(each.samples for each in resampled)
        if samples >= (_BATCH if frame else 1):
            yield _unpack(pending)
            pending, samples = [], 0


def _unpack(frames: list[av.AudioFrame]) -> Samples:
    packed = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    return np.ascontiguousarray(packed.reshape(-1, frames[0].layout.nb_channels).T)


def _shape(frame: av.AudioFrame) -> tuple[str, str, int, int]:
    return frame.format.name, frame.layout.name, frame.layout.nb_channels, frame.sample_rate


def _require_channels(channels: int, before: int, request: Request) -> None:
    channel = request.selection.channel
    if channels > _MAX_CHANNELS:
        message = f"{request.name} has {channels} channels: FFmpeg resamples {_MAX_CHANNELS} at most"
        raise AudioError(message, hint="split it into files of fewer channels")
    if channel == EACH:
        if channels != before:
            message = f"{request.name} has {before} channels at first, then {channels}"
            raise AudioError(message, hint="use the mean of its channels: omit --speakers-per-channel")
    elif channel is not None and not 1 <= channel <= channels:
        raise AudioError(
            f"{request.name} has no channel {channel}: it has {channels}",
            hint="count channels from 1, or use --channel mix for all",
        )


def _scale(target: IO[bytes], factor: float) -> None:
    """Multiply all samples in `target` by `factor`."""
    target.seek(0)
    while data := target.read(_BATCH * np.dtype(np.float32).itemsize):
        target.seek(-len(data), os.SEEK_CUR)
        target.write((np.frombuffer(data, np.float32) * np.float32(factor)).tobytes())


def _describe_levels(levels: Levels, selection: Selection, stream: int, streams: int) -> Iterator[str]:
    if levels.are_far_above_full_scale:
        yield f"the samples reach {levels.peak:.4g} times full scale, and are scaled down to it"
    if selection.channel is None and levels.cancel_out:
        yield "the channels cancel each other out in their mean: use one of them, with --channel 1"
    elif levels.are_silent and streams > 1:
        yield f"audio stream {stream} of {streams} is silent: use another, with --stream {stream % streams + 1}"
    elif selection.channel == EACH:
        yield from (f"channel {number} is silent" for number in levels.silent_channels)
    elif levels.are_silent and selection.channel is not None:
        yield f"channel {selection.channel} is silent: use another, or all with --channel mix"


def _damage_error(name: str, error: av.FFmpegError, decoder: PacketDecoder) -> UnreadableAudio:
    if not decoder.seconds:
        return UnreadableAudio(f"cannot decode {name}: {error.strerror}", hint=_FORMAT_HINT)
    return UnreadableAudio(
        f"{name} is damaged at {decoder.damaged_at or 0:.2f} s: {error.strerror}",
        hint=f"keep the part that can be decoded: ffmpeg -i {shlex.quote(name)} repaired.wav",
    )


def _report_error(error: AudioError) -> int:
    sys.stderr.write(f"\n{encode_error(error)}\n")
    return EXIT_AUDIO_ERROR


if __name__ == "__main__":
    sys.exit(main())
