"""Size limits for untrusted documents, so that a small file cannot use up hours or all memory.

No legitimate document reaches a limit. The longest decoded recording lasts 8 hours: 120,000 words of fast speech, for
which the most verbose transcriber, whisper.cpp with `-ojf`, writes 50 MiB and 2 million values.
"""

import io
from pathlib import Path

MAX_RECORDING_DAYS = 10
MAX_RECORDING_SECONDS = MAX_RECORDING_DAYS * 24 * 3600.0
"""Seconds."""
MAX_FILE_BYTES = 128 << 20
"""Bytes."""
MAX_VALUES = 10_000_000
"""JSON values, or lines of text."""


class OutOfBounds(ValueError):
    """A document exceeds a limit; the message names it."""


def read_file(path: Path) -> bytes:
    """Return a file's bytes.

    Raises:
        OSError: the file cannot be read.
        OutOfBounds: it exceeds MAX_FILE_BYTES.
    """
    with path.open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise OutOfBounds(f"is larger than {MAX_FILE_BYTES >> 20} MiB")
    return data


def decode_utf8(data: bytes, *, errors: str = "strict") -> str:
    """Return the text with newline line ends and without a byte order mark. Raises UnicodeDecodeError."""
    return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", errors=errors).read()


def check_value_count(text: str, *, separators: str) -> None:
    """Raise OutOfBounds when a text has more than MAX_VALUES `separators`, and so as many values or lines."""
    if sum(map(text.count, separators)) > MAX_VALUES:
        raise OutOfBounds(f"has more than {MAX_VALUES:,} values or lines")


def is_recording_time(seconds: float) -> bool:
    """Whether `seconds` is a possible time in a recording: not NaN, infinite or negative."""
    return 0 <= seconds <= MAX_RECORDING_SECONDS
