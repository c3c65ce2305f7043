"""A transcript before and after its speakers are assigned."""

from dataclasses import dataclass, field
from typing import Literal

from diarize_runner.diarization.turns import Diarization
from diarize_runner.digests import Digest


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A stretch of the recording; it may have no length."""

    start: float
    """Seconds from the start of the recording."""
    end: float
    """Seconds from the start of the recording; never before `start`."""

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"a span cannot run from {self.start} s to {self.end} s")


@dataclass(frozen=True, kw_only=True, slots=True)
class Word(Span):
    """One word, with the whitespace that the transcriber put around it."""

    text: str
    interpolated: bool = False
    """Whether the transcriber gave it no times, so that they are estimated: see `dialects.interpolation`."""
    score: float | None = field(default=None, compare=False)
    """The transcriber's confidence, from 0 to 1; None if unknown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment(Span):
    """One unit of the transcriber's output, about a sentence."""

    text: str
    words: tuple[Word, ...] = ()
    """Empty where the transcriber timed no words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Transcript:
    """The segments of one recording, in the order of the file; they may overlap."""

    segments: tuple[Segment, ...]
    digest: Digest | None = field(default=None, compare=False)
    """Of the file; None where it was not read from one."""
    recording: str | None = None
    """The name that the document gives the recording; None if it gives none."""
    language: str | None = None
    """A language tag such as `de`; None if unknown."""
    warnings: tuple[str, ...] = ()
    """What was wrong with the document, and how it was read; a sentence each."""


AttributionMethod = Literal["overlap", "nearest", "smoothed", "none"]
"""A turn overlaps; a turn is within reach; smoothed to the rest of the sentence; no speaker found."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attribution:
    """Why a word or segment has its speaker."""

    how: AttributionMethod
    share: float = 0.0
    """Share of its time, from 0 to 1, in which the speaker speaks; for a segment with words, of their time."""
    also: tuple[str, ...] = ()
    """Other speakers at that time, overlaps included; the longest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledWord(Word):
    """A word and its speaker."""

    speaker: str | None
    """A label of the diarization, or None if none was found."""
    attribution: Attribution | None = None
    """None if unknown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledSegment(Span):
    """A segment and its speaker."""

    text: str
    speaker: str | None
    """A label of the diarization, or None if none was found."""
    words: tuple[LabelledWord, ...] = ()
    """Empty where the transcriber timed no words."""
    attribution: Attribution | None = None
    """None if unknown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledTranscript:
    """A transcript with speakers, and the diarization they come from."""

    uri: str
    """The recording's name."""
    segments: tuple[LabelledSegment, ...]
    """In the transcript's order; a split segment gives several. Empty without a transcript."""
    diarization: Diarization
    language: str | None = None
    """A language tag such as `de`; None if unknown."""
    warnings: tuple[str, ...] = ()
    """Why the result may be wrong; a sentence each."""
