"""Which files are transcripts, by what they are called."""

from pathlib import Path

SUFFIXES = (".json", ".srt", ".vtt", ".stm")
"""Where one of several is to be taken, the first of these."""


def is_transcript(path: Path) -> bool:
    """Whether a file is called as transcripts are."""
    return path.suffix.lower() in SUFFIXES
