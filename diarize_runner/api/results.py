"""Results that can be written in every format, drawn in a notebook, and handed on to pyannote."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.diarization.turns import Diarization
from diarize_runner.errors import UsageError
from diarize_runner.jobs.job import Result
from diarize_runner.jobs.output_file import require_writable
from diarize_runner.jobs.outputs import SOUNDS, Outputs
from diarize_runner.transcript.formats import timeline_page
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.known import FORMATS, format_of
from diarize_runner.transcript.formats.provenance import Provenance
from diarize_runner.transcript.model import LabelledTranscript

if TYPE_CHECKING:
    from pyannote.core import Annotation

_FRAME = '<iframe sandbox="" srcdoc="{page}" style="width: 100%; height: {height}px; border: 0"></iframe>'
"""Sandboxed: whatever is in a result, nothing of it runs, and no style of it reaches the notebook."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where a result comes from."""

    provenance: Provenance
    recording: Path | None
    """None for samples in memory."""
    transcript: Path | None = None
    """Both are absolute, wherever the process goes on to work."""

    @property
    def files(self) -> tuple[Path, ...]:
        """What it was made from."""
        return tuple(path for path in (self.recording, self.transcript) if path)


class Written(ABC):
    """What can be done with a result."""

    __slots__ = ()
    origin: Origin

    @property
    @abstractmethod
    def labelled(self) -> LabelledTranscript:
        """The result, with or without a transcript."""

    def write(self, path: str | Path) -> Path:
        """Write a file in the format that its name ends in, whole or not at all, and return its path.

        Raises:
            UsageError: the name ends in no format that is known, or in one that needs a transcript; or it is that of
                the recording or the transcript.
            DiskError: the file cannot be written.
        """
        path = Path(path)
        kind = format_of(path.name)
        if path.resolve() in {file.resolve() for file in self.origin.files}:
            raise UsageError(f"{path} would be overwritten: the result was made from it", hint="name another file")
        if FORMATS[kind].needs_transcript and not self.origin.provenance.transcript:
            raise UsageError(f"{path} needs a transcript", hint="session.label(audio, transcript) takes one")
        require_writable(path)
        outputs = Outputs(recording=self.origin.recording, paths={kind: path}, formats=FORMATS, sound=SOUNDS["link"])
        outputs.write(self.labelled, self.origin.provenance)
        return path

    def to_pyannote(self) -> "Annotation":
        """Return every turn, overlaps included, as pyannote.core has them."""
        from pyannote.core import Annotation, Segment

        diarization = self.labelled.diarization
        annotation = Annotation(uri=diarization.uri)
        for track, turn in enumerate(diarization.turns):
            annotation[Segment(turn.start, turn.end), track] = turn.speaker
        return annotation

    def _repr_html_(self) -> str:
        """Draw the timeline, for a notebook."""
        document = Document(transcript=self.labelled, provenance=self.origin.provenance)
        page, height = escape(timeline_page.render(document), quote=True), timeline_page.height(document)
        return _FRAME.format(page=page, height=height)


@dataclass(frozen=True, kw_only=True, slots=True)
class DiarizationResult(Written, Diarization):
    """Who spoke when in one recording."""

    origin: Origin

    @property
    def labelled(self) -> LabelledTranscript:
        """The same, as a transcript in which nothing is said."""
        return LabelledTranscript(uri=self.uri, segments=(), diarization=self)


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledResult(Written, LabelledTranscript):
    """Who said what in one recording."""

    origin: Origin

    @property
    def labelled(self) -> LabelledTranscript:
        """Itself."""
        return self


def diarization_of(result: Result, origin: Origin) -> DiarizationResult:
    """Return what was found in a recording without a transcript."""
    found = result.diarization
    return DiarizationResult(uri=found.uri, turns=found.turns, exclusive_turns=found.exclusive_turns, origin=origin)


def transcript_of(result: Result, origin: Origin) -> LabelledResult:
    """Return a transcript that was labelled."""
    labelled = result.labelled
    return LabelledResult(uri=labelled.uri, segments=labelled.segments, diarization=labelled.diarization, origin=origin)
