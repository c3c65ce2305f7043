"""The source of a recording: a file, or samples in memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from diarize_runner.digests import Digest, hash_bytes, hash_file
from diarize_runner.disk import disk_errors

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from diarize_runner.diarization.audio import Recording


class Audio(Protocol):
    """The source of a recording."""

    @property
    def name(self) -> str:
        """The recording's name in errors."""

    @property
    def channel(self) -> int | None:
        """The channel to decode, from 1; None mixes all channels."""

    def decode(self) -> "Recording":
        """Return the recording; raise AudioError when it cannot be decoded."""

    def digest(self) -> Digest:
        """Return the digest of the source; raise DiskError when it cannot be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AudioFile:
    """A file of any format that FFmpeg reads."""

    path: Path
    channel: int | None = None

    @property
    def name(self) -> str:
        """Return the name of the file."""
        return self.path.name

    def decode(self) -> "Recording":
        """Return the recording, named after the file."""
        from diarize_runner.diarization import audio

        return audio.decode(self.path, channel=self.channel)

    def digest(self) -> Digest:
        """Return the digest of the file."""
        return digest_of_file(self.path)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Samples:
    """Mono samples, of shape (samples,); full scale is 1."""

    waveform: "npt.NDArray[np.float32]"
    sample_rate: int
    """Samples a second."""
    uri: str
    channel: None = None

    @property
    def name(self) -> str:
        """Return the uri."""
        return self.uri

    def decode(self) -> "Recording":
        """Return the recording, resampled as from a file."""
        from diarize_runner.diarization import audio

        return audio.decode_samples(self.waveform, self.sample_rate, self.uri)

    def digest(self) -> Digest:
        """Return the digest of the samples, as little-endian float32."""
        return hash_bytes(self.waveform.astype("<f4").tobytes()).digest


def digest_of_file(path: Path) -> Digest:
    """Return the digest of an input file; raise DiskError when it cannot be read."""
    with disk_errors(path):
        return hash_file(path).digest
