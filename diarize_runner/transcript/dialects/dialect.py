"""What a dialect is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from diarize_runner.transcript.model import Segment


class Fault(Exception):
    """Something in a document is wrong: the place, then what."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialect:
    """One way in which transcripts are written."""

    name: str
    example: str
    """What a person is shown when a document of this dialect is wrong."""
    recognises: Callable[[Any], bool]
    """Whether a document is meant to be of this dialect, right or wrong."""
    segments: Callable[[Any], Iterable[Segment]]
    """Read such a document; raises `Fault`."""
