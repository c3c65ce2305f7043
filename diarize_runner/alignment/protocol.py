"""The protocol between Aligner and its child process; docs/adr/0025 describes the processes.

The child answers a request with `loaded`, then `words` for each segment, or with `failed`.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from diarize_runner.transcription.events import EventKinds
from diarize_runner.transcription.protocol import Failed, ModelFile


@dataclass(frozen=True, kw_only=True, slots=True)
class AlignmentModelFiles:
    """What to load."""

    language: str
    files: tuple[ModelFile, ...]
    """Of the model."""
    sentences: ModelFile
    """NLTK's `punkt_tab.zip`."""
    device: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Utterance:
    """A text, and where to look for it."""

    start: float
    end: float
    """Seconds."""
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AlignmentRequest:
    """One recording, and what is said in it."""

    load: AlignmentModelFiles
    samples: int
    """Of the recording, as float32 at 16 kHz, from the start of the shared memory."""
    utterances: tuple[Utterance, ...]

    def encode(self) -> bytes:
        """Return the line for the child's stdin."""
        return f"{json.dumps(asdict(self))}\n".encode()

    @classmethod
    def decode(cls, line: str) -> "AlignmentRequest":
        """Parse a line of the child's stdin."""
        values = json.loads(line)
        load = values["load"]
        files = tuple(ModelFile(**file) for file in load.pop("files"))
        sentences = ModelFile(**load.pop("sentences"))
        return cls(
            load=AlignmentModelFiles(files=files, sentences=sentences, **load),
            samples=values["samples"],
            utterances=tuple(Utterance(**each) for each in values["utterances"]),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class AlignerLoaded:
    """The model is loaded."""

    packages: Mapping[str, str]
    """Versions of the distributions that compute."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlignedWords:
    """The words of an utterance, as whisperX has them; none if it could not align them."""

    words: list[Mapping[str, Any]]


AlignmentEvent = AlignerLoaded | AlignedWords | Failed
_EVENTS = EventKinds(kinds={"loaded": AlignerLoaded, "words": AlignedWords, "failed": Failed})


def encode_event(event: AlignmentEvent) -> str:
    """Return an event as a line."""
    return _EVENTS.encode(event)


def decode_event(line: bytes) -> AlignmentEvent:
    """Parse a line. Raises ValueError, KeyError or TypeError if it is no event."""
    event: AlignmentEvent = _EVENTS.decode(line)
    return event
