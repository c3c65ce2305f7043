"""A recording as the models hear it: mono, 16 kHz, from whatever container and codec it came in.

What decodes (decoding.py) is a process of its own, for a recording can come from anybody, and FFmpeg, which reads
nearly everything, is all C. The process gets the open file and a piece of memory to put samples in; it can open no
file and no socket, and may use only so much memory and so many seconds. Whatever it dies of, the recording is
reported as unreadable, and this process goes on.
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

from diarize_runner.child import run_to_end
from diarize_runner.diarization.turns import uri_of
from diarize_runner.errors import AudioError, EmptyAudio, UnreadableAudio

SAMPLE_RATE: Final = 16_000
"""Samples a second: what the models were trained on."""

REFUSED: Final = 3
"""Exit code of a decoder whose last line on stderr is an error, as `to_line` writes it."""

_DECODER = (sys.executable, "-m", "diarize_runner.diarization.decoding")
_NO_SETTINGS = {"GNUTLS_SYSTEM_PRIORITY_FILE": os.devnull}
"""GnuTLS in PyAV's wheels would read /tmp/vendor/etc/gnutls/config, which anybody on this machine can write."""
_ERRORS = {kind.__name__: kind for kind in (AudioError, EmptyAudio, UnreadableAudio)}
_DEATHS = {
    signal.SIGXCPU: "takes more than {limits.cpu_seconds} s of a core to decode",
    signal.SIGKILL: "made the decoder take so much memory that the system killed it",
}


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What a recording may cost; to decode an hour takes a second or two, and less than 0.3 GB."""

    audio_seconds: float = 8 * 60 * 60.0
    """A working day, which is 1.7 GiB of samples; a small file can hold far more silence than memory can."""
    wall_seconds: float = 30 * 60.0
    cpu_seconds: int = 10 * 60
    memory: int = 2 << 30
    """Bytes of address space, without the samples."""


def decode(path: Path, *, channel: int | None = None, limits: Limits = Limits()) -> Recording:
    """Decode the file's audio (of several streams, the one FFmpeg thinks best); its stem is the `uri`.

    `channel` counts from 1; None mixes all, each weighing the same.

    Raises:
        UnreadableAudio: the file is missing, is not audio, is damaged, or is more than the decoder can bear.
        EmptyAudio: it holds no samples.
        AudioError: it is longer than the limit, of which no more is decoded, or has no such channel.
    """
    try:
        with path.open("rb") as source:
            return _decoded(source, str(path), uri_of(path.stem), channel, limits)
    except OSError as error:
        raise UnreadableAudio(f"cannot read {path}: {error.strerror}", hint="check the path") from error


def decode_samples(
    waveform: npt.NDArray[np.float32], sample_rate: int, uri: str, *, limits: Limits = Limits()
) -> Recording:
    """Resample mono samples, of shape (samples,), just as a WAV file of them would be; `uri` names the recording.

    Raises:
        UnreadableAudio: they are not of that shape, or one is no number.
        EmptyAudio: there are none.
        AudioError: they are longer than the limit.
    """
    if waveform.ndim != 1:
        hint = "one channel, or their mean: waveform.mean(axis=0)"
        raise UnreadableAudio(f"{uri}: a waveform of shape {waveform.shape}, and not (samples,)", hint=hint)
    from scipy.io import wavfile  # a tenth of a second, which files need not wait for

    with os.fdopen(os.memfd_create("wav"), "w+b") as file:
        try:
            wavfile.write(file, sample_rate, waveform.astype(np.float32, copy=False))
        except ValueError as error:  # WAV counts its bytes with 32 bits
            raise AudioError(f"{uri}: {error}", hint="cut it into shorter recordings") from error
        file.seek(0)
        return _decoded(file, uri, uri_of(uri), None, limits)


def to_line(error: AudioError) -> str:
    """Write an error as a decoder reports it."""
    return json.dumps([type(error).__name__, error.message, error.hint])


def try_as_wav(name: str) -> str:
    """Return the hint for a file that only our decoder may be unable to bear."""
    return f"try it as WAV: ffmpeg -i {shlex.quote(name)} converted.wav"


def _decoded(source: IO[bytes], name: str, uri: str, channel: int | None, limits: Limits) -> Recording:
    samples = os.memfd_create("samples")
    try:
        _decode_into(samples, source, name, channel, limits)
        # A private map: torch wants memory that could be written to, and nothing is copied unless it is.
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
        raise _dead(name, f"takes more than {limits.wall_seconds:g} s to decode") from reason
    if done.returncode == REFUSED:
        kind, message, hint = json.loads(done.stderr.splitlines()[-1])
        raise _ERRORS[kind](message, hint=hint)
    if done.returncode:
        raise _dead(name, _cause(done).format(limits=limits))


def _run(command: list[str], source: IO[bytes], samples: int, seconds: float) -> subprocess.CompletedProcess[bytes]:
    """Run the decoder with nothing of our environment."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return run_to_end(command, source, samples, {"OPENBLAS_NUM_THREADS": "1", **_NO_SETTINGS, **kept}, seconds)


def _cause(done: subprocess.CompletedProcess[bytes]) -> str:
    if done.returncode < 0:
        died_of = signal.Signals(-done.returncode)
        return _DEATHS.get(died_of, f"made the decoder crash ({died_of.name})")
    said = done.stderr.decode(errors="replace").splitlines() or ["nothing was said"]
    return "made the decoder fail: " + said[-1].replace("{", "{{").replace("}", "}}")


def _dead(name: str, cause: str) -> UnreadableAudio:
    return UnreadableAudio(f"{name} {cause}", hint=try_as_wav(name))
