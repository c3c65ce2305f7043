"""The interface of a dialect."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from diarize_runner.transcript.dialects.raw import RawSegment


class ParseError(Exception):
    """A document is invalid; the message begins with the place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialect:
    """A file format of transcripts."""

    name: str
    example: str
    """A minimal document, for hints of errors."""
    recognises: Callable[[Any], bool]
    """Whether a document is meant to be of this dialect, valid or not."""
    read_segments: Callable[[Any], Iterable[RawSegment]]
    """Read the segments of a document; raises `ParseError`."""
