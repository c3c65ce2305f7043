"""Decode a recording of any container and codec into the models' input: mono, 16 kHz.

Recordings are untrusted and FFmpeg is C code, so the decoder (decoding.py) runs in its own process. It gets the open
file and a memory file for samples; it can open no file or socket, and its memory and time are limited. If it crashes,
the recording is reported as unreadable and this process continues.
"""

import json
import mmap
import os
import shlex
import signal
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePath
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

from diarize_runner.diarization.channels import EACH, Channel
from diarize_runner.diarization.decoders import RunDecoder, run_decoder
from diarize_runner.diarization.turns import uri_from_stem
from diarize_runner.digests import Digest, iter_chunks, write_and_hash
from diarize_runner.disk import disk_errors
from diarize_runner.errors import AudioError, EmptyAudio, UnreadableAudio

SAMPLE_RATE: Final = 16_000
"""Hz; the rate that the models were trained on."""

EXIT_AUDIO_ERROR: Final = 3
"""Exit code of the decoder if the last line of its stderr is an error from `encode_error`, not warnings."""

_ERRORS = {kind.__name__: kind for kind in (AudioError, EmptyAudio, UnreadableAudio)}
_SIGNAL_CAUSES = {
    signal.SIGXCPU: "takes more than {limits.cpu_seconds} s of CPU time to decode",
    signal.SIGKILL: "made the decoder take so much memory that the system killed it",
}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Recording:
    """Decoded audio and its name."""

    uri: str
    """The name in results, without blanks, as RTTM requires."""
    waveform: npt.NDArray[np.float32]
    """Mono samples of shape (samples,) in [-1, 1]."""
    sample_rate: int = SAMPLE_RATE
    """Hz."""

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.waveform) / self.sample_rate

    @property
    def channels(self) -> Sequence["Recording"]:
        """Each decoded channel as a recording."""
        return (self,)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DecodedRecording(Recording):
    """A recording, and what decoding told of its source."""

    digest: Digest
    """Of the bytes that were decoded."""
    warnings: tuple[str, ...] = ()
    """Clauses on what is missing from it, or wrong with it."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SeparateChannels(DecodedRecording):
    """A recording whose channels were decoded each alone; `waveform` is their mean."""

    waveforms: npt.NDArray[np.float32]
    """Of shape (samples, channels), in [-1, 1]."""

    @property
    def channels(self) -> Sequence[Recording]:
        """Each channel as a recording, in order."""
        return [Recording(uri=self.uri, waveform=waveform) for waveform in self.waveforms.T]


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """The part of a recording to decode."""

    stream: int | None = None
    """The audio stream, from 1; None for the one that FFmpeg ranks best."""
    channel: Channel = None


ALL_CHANNELS: Final = Selection()


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Limits of one decoding; an hour of audio takes 1 to 2 s and less than 0.3 GB."""

    audio_seconds: float = 8 * 60 * 60.0
    """8 hours, 1.7 GiB of samples; a small file can hold more silence than fits in memory. Separate channels add up."""
    wall_seconds: float = 30 * 60.0
    cpu_seconds: int = 10 * 60
    memory: int = 2 << 30
    """Bytes of address space, excluding the samples."""
    pipe_bytes: int = 8 << 30
    """Bytes to read from a pipe; 8 hours of 16-bit stereo at 48 kHz are 5.2 GiB."""


def decode(path: Path, selection: Selection = ALL_CHANNELS, *, limits: Limits = Limits()) -> DecodedRecording:
    """Decode a recording, which may be a pipe; the file's stem becomes the `uri`.

    It is opened once, so that its digest is of the bytes that were decoded.

    Raises:
        UnreadableAudio: the file is missing, is not audio, is damaged, or exceeds a limit of the decoder.
        EmptyAudio: it holds no samples.
        AudioError: it is longer than `limits.audio_seconds`, or lacks the stream or channel.
        DiskError: a pipe's content cannot be kept.
    """
    try:
        with path.open("rb") as opened, _seekable(opened, path, limits) as source:
            return _decode_source(source, str(path), uri_from_stem(path.stem), selection, limits, run_decoder)
    except OSError as error:
        raise UnreadableAudio(f"cannot read {path}: {error.strerror}", hint="check the path") from error


def decode_opened(
    source: BinaryIO,
    name: str,
    selection: Selection = ALL_CHANNELS,
    *,
    limits: Limits = Limits(),
    run: RunDecoder | None = None,
) -> DecodedRecording:
    """Decode an open file, from its start; the stem of `name` becomes the `uri`. By default, a new process decodes it.

    Raises as `decode` does.
    """
    return _decode_source(source, name, uri_from_stem(PurePath(name).stem), selection, limits, run or run_decoder)


def _seekable(opened: BinaryIO, path: Path, limits: Limits) -> BinaryIO:
    """Return the file, or a copy of what a pipe holds: FFmpeg reads some formats from their end, and we hash it all."""
    if not stat.S_ISFIFO(os.fstat(opened.fileno()).st_mode):
        return opened
    folder = Path(tempfile.gettempdir())
    with disk_errors(folder):
        copy = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # the caller closes it
        for chunk in iter_chunks(opened):
            copy.write(chunk)
            if copy.tell() > limits.pipe_bytes:
                message = f"{path} is a pipe of more than {limits.pipe_bytes >> 30} GiB"
                raise AudioError(message, hint="write it to a file, and name that")
        copy.seek(0)
    return copy


def decode_samples(
    waveform: npt.NDArray[np.float32], sample_rate: int, uri: str, *, limits: Limits = Limits()
) -> DecodedRecording:
    """Resample mono samples of shape (samples,) exactly like a WAV file of them; `uri` names the recording.

    Raises:
        UnreadableAudio: the shape is wrong, or a sample is NaN or infinite.
        EmptyAudio: there are no samples.
        AudioError: they are longer than `limits.audio_seconds`.
    """
    if waveform.ndim != 1:
        hint = "pass one channel or the mean: waveform.mean(axis=0)"
        raise UnreadableAudio(f"{uri}: the waveform has shape {waveform.shape}, expected (samples,)", hint=hint)
    from scipy.io import wavfile  # takes 0.1 s, which decoding a file does not need

    with os.fdopen(os.memfd_create("wav"), "w+b") as file:
        try:
            wavfile.write(file, sample_rate, waveform.astype(np.float32, copy=False))
        except ValueError as error:  # WAV sizes are 32-bit
            raise AudioError(f"{uri}: {error}", hint="cut it into shorter recordings") from error
        file.seek(0)
        return _decode_source(file, uri, uri_from_stem(uri), ALL_CHANNELS, limits, run_decoder)


def encode_error(error: AudioError) -> str:
    """Serialize an error as one line of the decoder's stderr."""
    return json.dumps([type(error).__name__, error.message, error.hint])


@dataclass(frozen=True, kw_only=True, slots=True)
class DecoderReport:
    """What the decoder tells of the samples that it wrote."""

    channels: int
    """1 unless each channel was decoded alone."""
    warnings: tuple[str, ...]

    def encode(self) -> str:
        """Serialize it as one line of the decoder's stderr."""
        return json.dumps([self.channels, self.warnings])


def _parse_report(line: bytes) -> DecoderReport:
    channels, warnings = json.loads(line)
    return DecoderReport(channels=channels, warnings=tuple(warnings))


def wav_hint(name: str) -> str:
    """Return the hint for a file that only our confined decoder may fail on."""
    return f"convert it to WAV: ffmpeg -i {shlex.quote(name)} converted.wav"


def _decode_source(
    source: BinaryIO, name: str, uri: str, selection: Selection, limits: Limits, run: RunDecoder
) -> DecodedRecording:
    samples, before = os.memfd_create("samples"), _version(source)
    try:
        report = _decode_into(samples, source, name, selection, limits, run)
        source.seek(0)
        digest = write_and_hash(iter_chunks(source), None).digest
        # Copy-on-write map: torch requires writable memory, and unmodified pages are not copied.
        decoded = np.frombuffer(mmap.mmap(samples, 0, access=mmap.ACCESS_COPY), dtype=np.float32)
    finally:
        os.close(samples)
    changed = ("the file changed while it was decoded",) if _version(source) != before else ()
    warnings = (*report.warnings, *changed)
    if selection.channel != EACH:
        return DecodedRecording(uri=uri, waveform=decoded, digest=digest, warnings=warnings)
    waveforms = decoded.reshape(-1, report.channels)
    return SeparateChannels(
        uri=uri, waveform=waveforms.mean(axis=1), digest=digest, warnings=warnings, waveforms=waveforms
    )


def _version(source: BinaryIO) -> tuple[int, int]:
    """Return what changes when the file is written to."""
    status = os.fstat(source.fileno())
    return status.st_size, status.st_mtime_ns


def _decode_into(
    samples: int, source: BinaryIO, name: str, selection: Selection, limits: Limits, run: RunDecoder
) -> DecoderReport:
    """Run the decoder, and return its report."""
    request = json.dumps([name, asdict(selection), asdict(limits)])
    try:
        done = run(request, source, samples, limits.wall_seconds)
    except subprocess.TimeoutExpired as reason:
        raise _decoder_failure(name, f"takes more than {limits.wall_seconds:g} s to decode") from reason
    if done.returncode == EXIT_AUDIO_ERROR:
        kind, message, hint = json.loads(done.stderr.splitlines()[-1])
        raise _ERRORS[kind](message, hint=hint)
    if done.returncode:
        raise _decoder_failure(name, _cause(done).format(limits=limits))
    return _parse_report(done.stderr.splitlines()[-1])


def _cause(done: subprocess.CompletedProcess[bytes]) -> str:
    if done.returncode < 0:
        crash_signal = signal.Signals(-done.returncode)
        return _SIGNAL_CAUSES.get(crash_signal, f"made the decoder crash ({crash_signal.name})")
    lines = done.stderr.decode(errors="replace").splitlines() or ["no output"]
    return "made the decoder fail: " + lines[-1].replace("{", "{{").replace("}", "}}")


def _decoder_failure(name: str, cause: str) -> UnreadableAudio:
    return UnreadableAudio(f"{name} {cause}", hint=wav_hint(name))
