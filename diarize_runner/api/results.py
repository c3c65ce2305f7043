"""Results that can be written in every format, drawn in a notebook and converted to pyannote objects."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.diarization.turns import Diarization
from diarize_runner.errors import UsageError
from diarize_runner.jobs.audio import AudioFile
from diarize_runner.jobs.job import Job, Result
from diarize_runner.jobs.output_file import require_writable
from diarize_runner.jobs.outputs import HTML_AUDIO, Outputs
from diarize_runner.transcript.formats import timeline_page
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.provenance import Provenance
from diarize_runner.transcript.formats.registry import FORMATS, default_formats, detect_format
from diarize_runner.transcript.model import LabelledTranscript

if TYPE_CHECKING:
    from pyannote.core import Annotation

_IFRAME = '<iframe sandbox="" srcdoc="{page}" style="width: 100%; height: {height}px; border: 0"></iframe>'
"""Sandboxed: no script in a result runs, and no style of it affects the notebook."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """The inputs and the provenance of a result."""

    provenance: Provenance
    recording: Path | None
    """None for samples in memory."""
    transcript: Path | None = None
    """Both paths are absolute, so they survive a change of the working folder."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The input files."""
        return tuple(path for path in (self.recording, self.transcript) if path)


class WritableResult(ABC):
    """Base class of results: write, convert and draw."""

    __slots__ = ()
    origin: Origin

    @property
    @abstractmethod
    def labelled(self) -> LabelledTranscript:
        """The result as a labelled transcript; without a transcript it has no segments."""

    def write(self, path: str | Path) -> Path:
        """Write the result atomically in the format of the file extension, and return the path.

        Raises:
            UsageError: the extension is unknown, its format needs what the result lacks, or `path` is an input file.
            DiskError: the file cannot be written.
        """
        path = Path(path)
        kind = detect_format(path.name)
        if path.resolve() in {file.resolve() for file in self.origin.files}:
            raise UsageError(f"{path} would be overwritten: this result was made from it", hint="name another file")
        if FORMATS[kind].needs_transcript and not self.origin.provenance.transcript:
            raise UsageError(
                f"the format of {path} needs a transcript", hint="call session.label(audio, transcript) instead"
            )
        if kind == "rttm" and not self.origin.provenance.engine:
            raise UsageError(f"the format of {path} needs speaker turns", hint="call session.run(audio) instead")
        require_writable(path)
        outputs = Outputs(
            recording=self.origin.recording,
            paths={kind: path},
            formats=default_formats(self.origin.provenance),
            html_audio=HTML_AUDIO["link"],
        )
        outputs.write(self.labelled, self.origin.provenance)
        return path

    def to_pyannote(self) -> "Annotation":
        """Return every turn, overlaps included, as a pyannote.core Annotation."""
        from pyannote.core import Annotation, Segment

        diarization = self.labelled.diarization
        annotation = Annotation(uri=diarization.uri)
        for track, turn in enumerate(diarization.turns):
            annotation[Segment(turn.start, turn.end), track] = turn.speaker
        return annotation

    def _repr_html_(self) -> str:
        """Return the timeline as HTML for a notebook."""
        document = Document(transcript=self.labelled, provenance=self.origin.provenance)
        page, height = escape(timeline_page.render(document), quote=True), timeline_page.height(document)
        return _IFRAME.format(page=page, height=height)


@dataclass(frozen=True, kw_only=True, slots=True)
class DiarizationResult(WritableResult, Diarization):
    """Who spoke when in one recording."""

    origin: Origin
    warnings: tuple[str, ...] = ()
    """Clauses on what is missing from the recording or wrong with it."""

    @property
    def labelled(self) -> LabelledTranscript:
        """The diarization as a transcript without segments."""
        return LabelledTranscript(uri=self.uri, segments=(), diarization=self, warnings=self.warnings)


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledResult(WritableResult, LabelledTranscript):
    """Who said what in one recording."""

    origin: Origin

    @property
    def labelled(self) -> LabelledTranscript:
        """The result itself."""
        return self


def origin_of(job: Job, result: Result) -> Origin:
    """Return the inputs of a job, and the provenance of its result."""
    recording = job.audio.path if isinstance(job.audio, AudioFile) and job.audio.can_be_linked else None
    return Origin(provenance=result.provenance, recording=recording, transcript=job.transcript)


def to_diarization_result(result: Result, origin: Origin) -> DiarizationResult:
    """Return the diarization of a job without a transcript."""
    diarization = result.diarization
    return DiarizationResult(
        uri=diarization.uri,
        turns=diarization.turns,
        exclusive_turns=diarization.exclusive_turns,
        warnings=result.labelled.warnings,
        origin=origin,
    )


def to_labelled_result(result: Result, origin: Origin) -> LabelledResult:
    """Return the labelled transcript of a job."""
    labelled = result.labelled
    return LabelledResult(
        uri=labelled.uri,
        segments=labelled.segments,
        diarization=labelled.diarization,
        language=labelled.language,
        warnings=labelled.warnings,
        origin=origin,
    )
