"""Read the result of a job, as the HTTP shapes need it."""

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from diarize_runner.service.workers.results import read_document
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.registry import FORMATS, JSON_STYLES, Format, default_formats
from diarize_runner.transcript.speaker_names import SpeakerNames, rename_speakers

JSON_PREFIX: Final = "json-"
STYLES: Final = tuple(f"{JSON_PREFIX}{name}" for name in JSON_STYLES if name != "full")
RESULT_FORMATS: Final = (*FORMATS, *STYLES)
"""What a result can be fetched as; each is a file of the result's folder."""


def format_of(kind: str) -> Format:
    """Return the format of one of RESULT_FORMATS."""
    return JSON_STYLES[kind.removeprefix(JSON_PREFIX)] if kind in STYLES else FORMATS[kind]


@dataclass(frozen=True, kw_only=True)
class FinishedJob:
    """A succeeded job and its result."""

    folder: Path
    """Of the result."""
    audio_seconds: float
    processing_seconds: float

    @cached_property
    def document(self) -> dict[str, Any]:
        """The result as JSON of ours (transcript/formats/json.py)."""
        document: dict[str, Any] = json.loads(self.text("json"))
        return document

    @property
    def turns(self) -> list[dict[str, Any]]:
        """Each turn, with `start`, `end` and `speaker`; overlaps included."""
        return list(self.document["diarization"])

    @property
    def segments(self) -> list[dict[str, Any]]:
        """The segments of the transcript, with `start`, `end`, `text`, `speaker` and maybe `words`."""
        return list(self.document["segments"])

    @property
    def speakers(self) -> list[str]:
        """The labels, sorted."""
        return list(self.document["speakers"])

    @property
    def warnings(self) -> list[str]:
        """Why the result may be wrong; a sentence each."""
        return list(self.document["warnings"])

    def text(self, kind: str) -> str:
        """Return the result in a format. Raises FileNotFoundError if the task has no such result."""
        return self.path(kind).read_text(encoding="utf-8")

    def path(self, kind: str) -> Path:
        """Return the file of a format."""
        return self.folder / kind

    def renamed(self, names: SpeakerNames) -> Document:
        """Return what the formats render, with the names of people. Raises OSError and ValueError if it is damaged."""
        document = read_document(self.folder)
        return replace(document, transcript=rename_speakers(document.transcript, names))

    def render(self, kind: str, names: SpeakerNames) -> str:
        """Return the result in one of its formats, with the names of people; raises as `renamed` does."""
        document = self.renamed(names)
        chosen = format_of(kind) if kind in STYLES else default_formats(document.provenance)[kind]
        return chosen.render(document)
