"""The recordings of a batch, as the store lists them."""

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote

from diarize_runner.diarization.turns import SpeakerHints
from diarize_runner.store.protocol import StoredObject, WritableArchiveStore
from diarize_runner.transcript.formats.registry import FORMATS
from diarize_runner.transcript.names import SUFFIXES

_LONGEST_PART: Final = 150
"""Characters of a name between two slashes. A file system takes 255 bytes, with the rest of the name."""
_DIGITS: Final = 16
_EMPTY: Final = "%"
"""Stands for nothing between two slashes; no quoted part is equal to it."""
_NO_RECORDINGS: Final = frozenset(
    [*SUFFIXES, *(known.suffix.lower() for known in FORMATS.values()), ".jsonl", ".csv", ".md"]
)
"""Suffixes of transcripts, results and lists, which may lie beside recordings."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InputRecording:
    """A recording in a store, and what is known about it."""

    audio: StoredObject
    transcript: StoredObject | None = None
    hints: SpeakerHints | None = None
    """Its own, if it has any."""

    @property
    def key(self) -> str:
        """Return the key of the recording."""
        return self.audio.key

    @property
    def name(self) -> str:
        """Return the name of its result: another one when the recording, its transcript or its hints change."""
        identity = [
            _identity(self.audio),
            _identity(self.transcript) if self.transcript else None,
            asdict(self.hints) if self.hints else None,
        ]
        digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()
        return f"{quoted(self.key)}.{digest[:_DIGITS]}"


def _identity(found: StoredObject) -> list[object]:
    return [found.key, found.size, found.state]


def quoted(key: str) -> str:
    """Return a key as a path of plain names: without blanks, `..` and names that a folder would hide."""
    return "/".join(_quoted_part(part) for part in key.split("/"))


def _quoted_part(part: str) -> str:
    if not part:
        return _EMPTY
    text = quote(part, safe="", errors="surrogateescape")
    text = f"%2E{text[1:]}" if text.startswith(".") else text
    if len(text) <= _LONGEST_PART:
        return text
    digest = hashlib.sha256(part.encode(errors="surrogateescape")).hexdigest()
    return f"{text[:_LONGEST_PART]}~{digest[:_DIGITS]}"


def list_recordings(store: WritableArchiveStore, transcripts: Mapping[str, StoredObject]) -> Iterator[InputRecording]:
    """Yield each recording of a store, with its transcript; files with a suffix of transcripts or results are none."""
    for found in store.objects(""):
        if is_recording(found.key):
            yield InputRecording(audio=found, transcript=transcript_of(found.key, transcripts))


def is_recording(key: str) -> bool:
    """Whether a key may be a recording: neither a folder, nor a transcript, nor a result."""
    return not key.endswith("/") and PurePosixPath(key).suffix.lower() not in _NO_RECORDINGS


def list_transcripts(store: WritableArchiveStore) -> dict[str, StoredObject]:
    """Return the transcripts of a store by their keys without suffix; of several, the one whose suffix comes first."""
    found: dict[str, StoredObject] = {}
    for each in sorted(_transcripts(store.objects("")), key=lambda each: SUFFIXES.index(_suffix(each.key))):
        found.setdefault(_spelling(each.key[: -len(_suffix(each.key))]), each)
    return found


def _transcripts(objects: Iterable[StoredObject]) -> Iterator[StoredObject]:
    return (each for each in objects if _suffix(each.key) in SUFFIXES)


def transcript_of(key: str, transcripts: Mapping[str, StoredObject]) -> StoredObject | None:
    """Return the transcript of a recording: of `a/call.wav`, `a/call.wav.json` or `a/call.json`."""
    stems = (key, str(PurePosixPath(key).with_suffix("")) if PurePosixPath(key).name else key)
    return next((transcripts[_spelling(stem)] for stem in stems if _spelling(stem) in transcripts), None)


def _suffix(key: str) -> str:
    return PurePosixPath(key).suffix.lower()


def _spelling(stem: str) -> str:
    """Return one spelling for a name's composed and decomposed Unicode forms: macOS writes the latter."""
    return unicodedata.normalize("NFC", stem)
