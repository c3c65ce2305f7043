"""What decides the results of a batch: a change of it makes new ones."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from diarize_runner.cache.documents.canonical import serialise
from diarize_runner.diarization.turns import NO_HINTS, SpeakerHints
from diarize_runner.digests import Digest, hash_bytes
from diarize_runner.transcript.assign import DEFAULT_RULES
from diarize_runner.transcript.formats.provenance import KnownSpeakersReference
from diarize_runner.transcript.rules import Rules
from diarize_runner.transcription.options import TranscriptionOptions

if TYPE_CHECKING:
    from diarize_runner.diarization.engines import Engine

_DIGITS: Final = 16
"""Of the digest, in the name of the folder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """Models, engine, options and voices. Formats and devices are no part of it: they add and change no result."""

    manifest: Digest
    """Of the cache."""
    engine: "Engine"
    hints: SpeakerHints = NO_HINTS
    """Of recordings that have none of their own."""
    rules: Rules = DEFAULT_RULES
    transcription: TranscriptionOptions | None = None
    """None transcribes nothing."""
    known_speakers: KnownSpeakersReference | None = None
    """None names no speaker, and is no part of the JSON form: folders of earlier releases stay valid."""

    @property
    def name(self) -> str:
        """Return the name of its folder: the first digits of its digest."""
        return hash_bytes(serialise(self.to_dict())).digest.hex[:_DIGITS]

    def to_dict(self) -> dict[str, object]:
        """Return the JSON form."""
        options = asdict(self.transcription) if self.transcription else None
        return {
            "manifest": str(self.manifest),
            "engine": self.engine,
            "hints": asdict(self.hints),
            "rules": asdict(self.rules),
            "transcription": options and {name: value for name, value in options.items() if name != "device"},
            **({"known_speakers": self.known_speakers.to_dict()} if self.known_speakers else {}),
        }
