"""How large a document from somebody else may be: a few bytes must not cost hours or all the memory.

No honest document meets a bound. The longest recording that is decoded lasts 8 hours: 120,000 words, spoken fast, for
which the most talkative transcriber, whisper.cpp with `-ojf`, writes 50 MiB and 2 million values.
"""

import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from diarize_runner.transcript.model import Segment

DAYS = 10
LONGEST_RECORDING = DAYS * 24 * 3600.0
"""Seconds."""
LARGEST_FILE = 128 << 20
"""Bytes."""
MOST_VALUES = 10_000_000
"""Values of a JSON document, or lines of a text."""
MOST_SEGMENTS = 1_000_000
MOST_WORDS = 1_000_000
"""In all segments: a hundred hours of speech. What stands between blanks counts as a word."""
MOST_CHARACTERS = 20_000_000
"""In all texts of a transcript."""
LONGEST_TEXT = 1_000_000
"""Characters of one segment: a day of speech."""
MOST_TURNS = 100_000
"""Speaker turns of one recording: three a second for 8 hours."""
MOST_SPEAKERS = 1_000
MOST_OVERLAPPING = 1_000_000
"""Voices in all stretches in which several speak, counted once for each stretch."""
LONGEST_NAME = 255
"""Characters, as many as a file's name can have."""
MOST_STEPS = 50_000_000
"""Comparisons of a word or segment with what is heard meanwhile; 8 hours of speech need a million."""


class OutOfBounds(ValueError):
    """Something is larger than any honest document has it: says what, and the bound."""


def read_file(path: Path) -> bytes:
    """Return what a file holds.

    Raises:
        OSError: as `open` does.
        OutOfBounds: it holds more than LARGEST_FILE.
    """
    with path.open("rb") as file:
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise OutOfBounds(f"is larger than {LARGEST_FILE >> 20} MiB")
    return data


def decoded(data: bytes, *, errors: str = "strict") -> str:
    """Return the text, with line ends as Python has them and without a byte order mark; raises UnicodeDecodeError."""
    return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", errors=errors).read()


def require_few_values(text: str, *, separators: str) -> None:
    """Raise OutOfBounds when a text has more values or lines than MOST_VALUES; each comes with a separator."""
    if sum(map(text.count, separators)) > MOST_VALUES:
        raise OutOfBounds(f"has more than {MOST_VALUES:,} values or lines")


def within_recording(seconds: float) -> bool:
    """Whether a time can be one of a recording: NaN, infinity and what is below 0 cannot."""
    return 0 <= seconds <= LONGEST_RECORDING


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
