"""How large a transcript from somebody else may be, beyond the bounds of any document. No honest one meets a bound."""

from collections.abc import Iterable, Iterator

from diarize_runner.bounds import OutOfBounds
from diarize_runner.transcript.model import Segment

MOST_SEGMENTS = 1_000_000
MOST_WORDS = 1_000_000
"""In all segments: a hundred hours of speech. What stands between blanks counts as a word."""
MOST_CHARACTERS = 20_000_000
"""In all texts of a transcript."""
LONGEST_TEXT = 1_000_000
"""Characters of one segment: a day of speech."""
MOST_STEPS = 50_000_000
"""Comparisons of a word or segment with what is heard meanwhile; 8 hours of speech need a million."""


def bounded(segments: Iterable[Segment]) -> Iterator[Segment]:
    """Yield the segments; raise OutOfBounds at the first that is too long, or one too many."""
    words = characters = 0
    for number, segment in enumerate(segments, start=1):
        words += max(_words(segment.text), sum(_words(word.text) or 1 for word in segment.words))
        characters += len(segment.text) + sum(len(word.text) for word in segment.words)
        if len(segment.text) > LONGEST_TEXT:
            raise OutOfBounds(f"segment {number} has a text of more than {LONGEST_TEXT:,} characters")
        if number > MOST_SEGMENTS or words > MOST_WORDS or characters > MOST_CHARACTERS:
            most = f"{MOST_SEGMENTS:,} segments, {MOST_WORDS:,} words or {MOST_CHARACTERS:,} characters"
            raise OutOfBounds(f"segment {number} is one too many: with it there are more than {most}")
        yield segment


def _words(text: str) -> int:
    return len(text.split())
