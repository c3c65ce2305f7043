"""The source of a recording: a file, or samples in memory."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from diarize_runner.diarization.channels import Channel
from diarize_runner.digests import hash_bytes
from diarize_runner.errors import UnreadableAudio

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from diarize_runner.diarization.audio import DecodedRecording


class Audio(Protocol):
    """The source of a recording."""

    @property
    def name(self) -> str:
        """The recording's name in errors."""

    @property
    def channel(self) -> Channel:
        """The channel to decode."""

    @property
    def stream(self) -> int | None:
        """The audio stream to decode, from 1; None for the one that FFmpeg ranks best."""

    def decode(self) -> "DecodedRecording":
        """Return the recording; raise AudioError when it cannot be decoded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AudioFile:
    """A file or a pipe, of any format that FFmpeg reads."""

    path: Path
    channel: Channel = None
    stream: int | None = None
    strict: bool = False
    """Whether to refuse a recording that has a warning."""

    @property
    def name(self) -> str:
        """Return the name of the file."""
        return self.path.name

    @property
    def can_be_linked(self) -> bool:
        """Whether the path leads to the recording later, too: a pipe's does not, nor one such as /dev/stdin."""
        return not self.path.exists() or (self.path.is_file() and Path("/dev") not in self.path.parents)

    def decode(self) -> "DecodedRecording":
        """Return the recording, named after the file."""
        from diarize_runner.diarization import audio

        recording = audio.decode(self.path, audio.Selection(stream=self.stream, channel=self.channel))
        if self.strict and recording.warnings:
            hint = "repair it, or omit --strict to diarize what there is"
            raise UnreadableAudio(f"{self.path} is refused: {recording.warnings[0]}", hint=hint)
        return recording


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Samples:
    """Mono samples, of shape (samples,); full scale is 1."""

    waveform: "npt.NDArray[np.float32]"
    sample_rate: int
    """Samples a second."""
    uri: str
    channel: ClassVar[None] = None
    stream: ClassVar[None] = None

    @property
    def name(self) -> str:
        """Return the uri."""
        return self.uri

    def decode(self) -> "DecodedRecording":
        """Return the recording, resampled as from a file; its digest is of the samples, as little-endian float32."""
        from diarize_runner.diarization import audio

        recording = audio.decode_samples(self.waveform, self.sample_rate, self.uri)
        return replace(recording, digest=hash_bytes(self.waveform.astype("<f4").tobytes()).digest)
