"""The format of a file of voices.

    {"format": "diarize-runner/voices/1", "model": "sha256:...", "voices": [
        {"name": "Ada", "enrolled": "2026-11-30T12:00:00+00:00", "seconds": 31.5, "embeddings": [[0.0512, ...], ...]}]}

One model made all embeddings: those of different models cannot be compared. Errors quote no embedding.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from diarize_runner.cache.documents import canonical
from diarize_runner.cache.documents.fields import Node
from diarize_runner.digests import Digest
from diarize_runner.voices.names import name_key, parse_voice_name

_FORMAT, _MAJOR = "voices", 1
_DIGITS = 6
"""Decimals of a coordinate: rounding changes a cosine by less than 1e-5."""
_NORM_TOLERANCE = 1e-3


@dataclass(frozen=True, kw_only=True, slots=True)
class Voice:
    """The voice of one person."""

    name: str
    enrolled: str
    """ISO 8601, UTC."""
    seconds: float
    """Of speech that it was enrolled from."""
    embeddings: tuple[tuple[float, ...], ...] = field(repr=False)
    """Each of unit length: of the speech as it was recorded, and as telephones would carry it."""

    def to_dict(self) -> dict[str, object]:
        """Return the voice as the file writes it."""
        return {
            "name": self.name,
            "enrolled": self.enrolled,
            "seconds": round(self.seconds, 1),
            "embeddings": [[round(coordinate, _DIGITS) for coordinate in each] for each in self.embeddings],
        }

    @classmethod
    def from_node(cls, node: Node) -> "Voice":
        """Parse the fields; raise ManifestError when one is missing, unknown or wrong."""
        fields = node.fields(["name", "enrolled", "seconds", "embeddings"])
        return cls(
            name=_parse_name(fields["name"]),
            enrolled=fields["enrolled"].text(),
            seconds=fields["seconds"].number(),
            embeddings=_parse_embeddings(fields["embeddings"]),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Voices:
    """The content of a file of voices."""

    model: Digest
    """Of the checkpoint that made the embeddings."""
    voices: tuple[Voice, ...] = ()
    """Sorted by name."""

    def find(self, name: str) -> Voice | None:
        """Return the voice of a name, or of one that a reader cannot tell from it; None if there is none."""
        return next((voice for voice in self.voices if name_key(voice.name) == name_key(name)), None)

    def with_voice(self, voice: Voice) -> "Voices":
        """Return the voices with another one, in place of the one of its name."""
        return self._with([*self.without(voice.name).voices, voice])

    def without(self, name: str) -> "Voices":
        """Return the voices without the one of a name."""
        return self._with(voice for voice in self.voices if name_key(voice.name) != name_key(name))

    def to_bytes(self) -> bytes:
        """Return the bytes of the file."""
        return canonical.serialise(
            {
                "format": f"diarize-runner/{_FORMAT}/{_MAJOR}",
                "model": str(self.model),
                "voices": [voice.to_dict() for voice in self.voices],
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes, document: str) -> "Voices":
        """Parse a file of voices.

        Raises:
            UnsupportedFormat: another release wrote it, or it is no file of voices.
            ManifestError: it is damaged; the message names `document` and the location.
        """
        node = canonical.parse(data, document)
        node.require_format(_FORMAT, _MAJOR)
        fields = node.fields(["format", "model", "voices"])
        voices = tuple(Voice.from_node(item) for item in fields["voices"].items())
        if len({name_key(voice.name) for voice in voices}) < len(voices):
            raise fields["voices"].error("two voices have the same name")
        if len({len(embedding) for voice in voices for embedding in voice.embeddings}) > 1:
            raise fields["voices"].error("the embeddings differ in length")
        return cls(model=fields["model"].digest(), voices=voices)

    def _with(self, voices: Iterable[Voice]) -> "Voices":
        return replace(self, voices=tuple(sorted(voices, key=lambda voice: voice.name)))


def _parse_name(node: Node) -> str:
    try:
        name = parse_voice_name(node.text())
    except ValueError as reason:
        raise node.error(str(reason)) from reason
    return name


def _parse_embeddings(node: Node) -> tuple[tuple[float, ...], ...]:
    embeddings = tuple(map(_parse_embedding, node.items()))
    if not embeddings:
        raise node.error("the voice has no embedding")
    return embeddings


def _parse_embedding(node: Node) -> tuple[float, ...]:
    embedding = tuple(map(_parse_coordinate, node.items()))
    if abs(math.hypot(*embedding) - 1) > _NORM_TOLERANCE:
        raise node.error("the embedding is not of unit length")
    return embedding


def _parse_coordinate(node: Node) -> float:
    value = node.value
    if not isinstance(value, int | float) or isinstance(value, bool) or not -1 <= value <= 1:
        raise node.error("a coordinate is not a number from -1 to 1")
    return float(value)
