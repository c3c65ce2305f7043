"""How a result was made: the inputs and software to reproduce and compare it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from diarize_runner.diarization.channels import EACH, Channel
from diarize_runner.diarization.engines import DIFFERENCES
from diarize_runner.diarization.turns import SpeakerHints
from diarize_runner.digests import Digest
from diarize_runner.transcript.rules import Rules


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheReference:
    """The published model cache version that was used."""

    name: str
    version: str
    manifest: Digest
    """Digest of the manifest, which pins every file of the models."""
    requirements: Digest
    """Digest of the lock, which pins every package that the version was published with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlignmentReference:
    """The model that aligned the words of a transcript with the recording."""

    model: str
    """Its repo_id."""
    commit_hash: str
    device: str
    packages: Mapping[str, str]
    """Versions of the distributions that compute, by name; they are in an environment of their own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TranscriptionReference:
    """The model and the settings that made a transcript."""

    model: str
    """Its repo_id."""
    commit_hash: str
    device: str
    compute_type: str
    batch_size: int
    language: str | None
    """A code, if it was requested; None if it was detected."""
    task: str
    vad: bool
    words: bool
    packages: Mapping[str, str]
    """Versions of the distributions that compute, by name."""
    alignment: AlignmentReference | None = None
    """None if the times of words are Whisper's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownSpeakersReference:
    """The voices after which speakers were named."""

    voices: Digest
    """Of the file of voices, or of the samples of the references that came with a request."""
    threshold: float
    """The least cosine between a speaker and a voice."""

    def to_dict(self) -> dict[str, object]:
        """Return the JSON object."""
        return {"voices": str(self.voices), "threshold": self.threshold}


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkedSpeakersReference:
    """How labels were linked: an equal label is the same voice in all recordings of one command."""

    threshold: float
    """The least cosine between a speaker and a voice that was heard before."""

    def to_dict(self) -> dict[str, object]:
        """Return the JSON object."""
        return {"threshold": self.threshold}


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """The inputs, software and settings of one result."""

    tool: str
    """Name and version."""
    cache: CacheReference
    engine: str | None
    """None without a diarization."""
    device: str
    """`cuda` or `cpu`."""
    packages: Mapping[str, str]
    """Versions of the distributions that compute, by name."""
    audio: Digest
    """Of the input file."""
    audio_seconds: float
    transcript: Digest | None
    """Of the input file; None without a transcript."""
    hints: SpeakerHints
    """Of the recording, or of each channel if each was decoded alone."""
    channel: Channel = None
    stream: int | None = None
    """The audio stream, from 1; None for the one that FFmpeg ranks best."""
    rules: Rules | None = None
    """Of the speaker assignment; None without a transcript."""
    transcription: TranscriptionReference | None = None
    """None if the transcript was read from a file, or there is none."""
    known_speakers: KnownSpeakersReference | None = None
    """None if no speaker was to be named by voice."""
    linked_speakers: LinkedSpeakersReference | None = None
    """None if equal labels in other recordings have no meaning."""

    def to_dict(self) -> dict[str, object]:
        """Return the JSON object, without the options that were not given."""
        options = {"channel": self.channel, "stream": self.stream, **self._speaker_options()}
        return {
            "tool": self.tool,
            "cache": {
                "name": self.cache.name,
                "version": self.cache.version,
                "manifest": str(self.cache.manifest),
                "requirements": str(self.cache.requirements),
            },
            **({"engine": self.engine, "difference_from_stock": DIFFERENCES[self.engine]} if self.engine else {}),
            "device": self.device,
            "packages": dict(self.packages),
            "audio": {"digest": str(self.audio), "seconds": round(self.audio_seconds, 3)},
            **({"transcript": {"digest": str(self.transcript)}} if self.transcript else {}),
            **({"transcription": _drop_none(asdict(self.transcription))} if self.transcription else {}),
            **({"rules": _drop_none(asdict(self.rules))} if self.rules else {}),
            **({"known_speakers": self.known_speakers.to_dict()} if self.known_speakers else {}),
            **({"linked_speakers": self.linked_speakers.to_dict()} if self.linked_speakers else {}),
            **_drop_none(options),
        }

    def _speaker_options(self) -> dict[str, object]:
        if self.channel == EACH:
            return {"speakers_per_channel": self.hints.exactly or "auto"}
        return {
            "num_speakers": self.hints.exactly,
            "min_speakers": self.hints.at_least,
            "max_speakers": self.hints.at_most,
        }


def _drop_none(options: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in options.items() if value is not None}
