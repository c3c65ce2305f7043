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
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Final

import numpy as np
import numpy.typing as npt

from diarize_runner.child import run_child_process
from diarize_runner.diarization.turns import uri_from_stem
from diarize_runner.errors import AudioError, EmptyAudio, UnreadableAudio

SAMPLE_RATE: Final = 16_000
"""Hz; the rate that the models were trained on."""

EXIT_AUDIO_ERROR: Final = 3
"""Exit code of the decoder if the last line of its stderr is an error from `encode_error`."""

_DECODER = (sys.executable, "-m", "diarize_runner.diarization.decoding")
_GNUTLS_ENVIRONMENT = {"GNUTLS_SYSTEM_PRIORITY_FILE": os.devnull}
"""Keep the GnuTLS in PyAV's wheels from reading /tmp/vendor/etc/gnutls/config, which any local user can write."""
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Limits of one decoding; an hour of audio takes 1 to 2 s and less than 0.3 GB."""

    audio_seconds: float = 8 * 60 * 60.0
    """8 hours, 1.7 GiB of samples; a small file can hold more silence than fits in memory."""
    wall_seconds: float = 30 * 60.0
    cpu_seconds: int = 10 * 60
    memory: int = 2 << 30
    """Bytes of address space, excluding the samples."""


def decode(path: Path, *, channel: int | None = None, limits: Limits = Limits()) -> Recording:
    """Decode the audio stream that FFmpeg ranks best; the file's stem becomes the `uri`.

    `channel` counts from 1; None mixes all channels with equal weight.

    Raises:
        UnreadableAudio: the file is missing, is not audio, is damaged, or exceeds a limit of the decoder.
        EmptyAudio: it holds no samples.
        AudioError: it is longer than `limits.audio_seconds` or lacks the channel.
    """
    try:
        with path.open("rb") as source:
            return _decode_source(source, str(path), uri_from_stem(path.stem), channel, limits)
    except OSError as error:
        raise UnreadableAudio(f"cannot read {path}: {error.strerror}", hint="check the path") from error


def decode_samples(
    waveform: npt.NDArray[np.float32], sample_rate: int, uri: str, *, limits: Limits = Limits()
) -> Recording:
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
        return _decode_source(file, uri, uri_from_stem(uri), None, limits)


def encode_error(error: AudioError) -> str:
    """Serialize an error as one line of the decoder's stderr."""
    return json.dumps([type(error).__name__, error.message, error.hint])


def wav_hint(name: str) -> str:
    """Return the hint for a file that only our confined decoder may fail on."""
    return f"convert it to WAV: ffmpeg -i {shlex.quote(name)} converted.wav"


def _decode_source(source: IO[bytes], name: str, uri: str, channel: int | None, limits: Limits) -> Recording:
    samples = os.memfd_create("samples")
    try:
        _decode_into(samples, source, name, channel, limits)
        # Copy-on-write map: torch requires writable memory, and unmodified pages are not copied.
        return Recording(
            uri=uri,
            waveform=np.frombuffer(mmap.mmap(samples, 0, access=mmap.ACCESS_COPY), dtype=np.float32),
        )
    finally:
        os.close(samples)


def _decode_into(samples: int, source: IO[bytes], name: str, channel: int | None, limits: Limits) -> None:
    command = [*_DECODER, json.dumps([name, channel, asdict(limits), os.getpid()])]
    try:
        done = _run(command, source, samples, limits.wall_seconds)
    except subprocess.TimeoutExpired as reason:
        raise _decoder_failure(name, f"takes more than {limits.wall_seconds:g} s to decode") from reason
    if done.returncode == EXIT_AUDIO_ERROR:
        kind, message, hint = json.loads(done.stderr.splitlines()[-1])
        raise _ERRORS[kind](message, hint=hint)
    if done.returncode:
        raise _decoder_failure(name, _cause(done).format(limits=limits))


def _run(command: list[str], source: IO[bytes], samples: int, seconds: float) -> subprocess.CompletedProcess[bytes]:
    """Run the decoder without our environment."""
    environment = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return run_child_process(
        command, source, samples, {"OPENBLAS_NUM_THREADS": "1", **_GNUTLS_ENVIRONMENT, **environment}, seconds
    )


def _cause(done: subprocess.CompletedProcess[bytes]) -> str:
    if done.returncode < 0:
        crash_signal = signal.Signals(-done.returncode)
        return _SIGNAL_CAUSES.get(crash_signal, f"made the decoder crash ({crash_signal.name})")
    lines = done.stderr.decode(errors="replace").splitlines() or ["no output"]
    return "made the decoder fail: " + lines[-1].replace("{", "{{").replace("}", "}}")


def _decoder_failure(name: str, cause: str) -> UnreadableAudio:
    return UnreadableAudio(f"{name} {cause}", hint=wav_hint(name))
