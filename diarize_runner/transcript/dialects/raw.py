"""Segments and words as in the document, before each has times."""

from collections.abc import Sequence
from dataclasses import dataclass

from diarize_runner.transcript.model import Span


@dataclass(frozen=True, kw_only=True, slots=True)
class ImpossibleSpan:
    """Times that no recording has: the end before the start, a negative time, or NaN."""

    start: float
    end: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RawWord:
    """A word as in the document."""

    text: str
    span: Span | ImpossibleSpan | None
    """None if it has no times."""
    score: float | None = None
    """The transcriber's confidence, from 0 to 1; None if unknown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RawSegment:
    """A segment as in the document."""

    text: str
    span: Span | ImpossibleSpan | None
    """None if it has no times."""
    words: Sequence[RawWord] = ()
