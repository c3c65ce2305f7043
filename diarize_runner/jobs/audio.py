"""What a recording is made of: a file, or samples that are in memory already."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from diarize_runner.digests import Digest, content_of, content_of_file
from diarize_runner.disk import disk_errors

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from diarize_runner.diarization.audio import Recording


class Audio(Protocol):
    """Where a recording comes from."""

    @property
    def channel(self) -> int | None:
        """The channel that is heard, from 1; None where all are mixed."""

    def decode(self) -> "Recording":
        """Return the recording; raise AudioError when it cannot be decoded."""

    def digest(self) -> Digest:
        """Return the digest of what it was given as; raise DiskError when that cannot be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AudioFile:
    """A file of any format that FFmpeg reads."""

    path: Path
    channel: int | None = None

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

    def decode(self) -> "Recording":
        """Return the recording, resampled as a file of these samples would be."""
        from diarize_runner.diarization import audio

        return audio.decode_samples(self.waveform, self.sample_rate, self.uri)

    def digest(self) -> Digest:
        """Return the digest of the samples, as little-endian float32."""
        return content_of(self.waveform.astype("<f4").tobytes()).digest


def digest_of_file(path: Path) -> Digest:
    """Return the digest of a file that was given; raise DiskError when it cannot be read."""
    with disk_errors(path):
        return content_of_file(path).digest
