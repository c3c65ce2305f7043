"""How large a document from somebody else may be: a few bytes must not cost hours or all the memory.

No honest document meets a bound. The longest recording that is decoded lasts 8 hours: 120,000 words, spoken fast, for
which the most talkative transcriber, whisper.cpp with `-ojf`, writes 50 MiB and 2 million values.
"""

import io
from pathlib import Path

DAYS = 10
LONGEST_RECORDING = DAYS * 24 * 3600.0
"""Seconds."""
LARGEST_FILE = 128 << 20
"""Bytes."""
MOST_VALUES = 10_000_000
"""Values of a JSON document, or lines of a text."""


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
