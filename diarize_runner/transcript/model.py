"""What was said when, before and after its speakers are known."""

from dataclasses import dataclass
from typing import Literal

from diarize_runner.diarization.turns import Diarization


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
    """One word, with the blanks around it that the transcriber gave it."""

    text: str
    interpolated: bool = False
    """Whether the transcriber gave it no times: then its neighbours' gap was shared out by count of characters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment(Span):
    """What the transcriber heard as one piece, a sentence or so."""

    text: str
    words: tuple[Word, ...] = ()
    """Empty where the transcriber timed no words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Transcript:
    """The segments of one recording, in the order of the file; they may overlap."""

    segments: tuple[Segment, ...]


How = Literal["overlap", "nearest", "smoothed", "none"]
"""Heard at that time; in reach of that time; as the rest of the sentence; nobody."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attribution:
    """Why a word or segment has its speaker."""

    how: How
    share: float = 0.0
    """The part of its time, from 0 to 1, in which the speaker is heard; of a segment with words, of their time."""
    also: tuple[str, ...] = ()
    """Who else is heard meanwhile, overlaps included; the one heard longest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledWord(Word):
    """A word and who said it."""

    speaker: str | None
    """A label of the diarization, or None where nobody was heard."""
    attribution: Attribution | None = None
    """None where it is not known why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledSegment(Span):
    """A segment and who said it."""

    text: str
    speaker: str | None
    """A label of the diarization, or None where nobody was heard."""
    words: tuple[LabelledWord, ...] = ()
    """Empty where the transcriber timed no words."""
    attribution: Attribution | None = None
    """None where it is not known why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledTranscript:
    """Who said what when, and the diarization that says so."""

    uri: str
    """The recording's name."""
    segments: tuple[LabelledSegment, ...]
    """Those of the transcript, in its order, one of several speakers in pieces; none where there was no transcript."""
    diarization: Diarization
