"""Limit the size of an untrusted transcript, beyond the limits of any document. No real transcript reaches a limit."""

from collections.abc import Iterable, Iterator

from diarize_runner.bounds import OutOfBounds
from diarize_runner.transcript.dialects.raw import RawSegment

MAX_SEGMENTS = 1_000_000
MAX_WORDS = 1_000_000
"""In all segments: a hundred hours of speech. Words are separated by whitespace."""
MAX_CHARACTERS = 20_000_000
"""In all texts of a transcript, words included."""
MAX_SEGMENT_CHARACTERS = 1_000_000
"""A day of speech."""
MAX_COMPARISONS = 50_000_000
"""Comparisons of a word or segment with a speaker turn; 8 hours of speech need a million."""


def check_bounds(segments: Iterable[RawSegment]) -> Iterator[RawSegment]:
    """Yield the segments; raise OutOfBounds at the first that exceeds a limit."""
    words = characters = 0
    for number, segment in enumerate(segments, start=1):
        words += max(_count_words(segment.text), sum(_count_words(word.text) or 1 for word in segment.words))
        characters += len(segment.text) + sum(len(word.text) for word in segment.words)
        if len(segment.text) > MAX_SEGMENT_CHARACTERS:
            raise OutOfBounds(f"segment {number} has more than {MAX_SEGMENT_CHARACTERS:,} characters")
        if number > MAX_SEGMENTS or words > MAX_WORDS or characters > MAX_CHARACTERS:
            limits = f"{MAX_SEGMENTS:,} segments, {MAX_WORDS:,} words or {MAX_CHARACTERS:,} characters"
            raise OutOfBounds(f"segment {number} exceeds the limit of {limits}")
        yield segment


def _count_words(text: str) -> int:
    return len(text.split())
