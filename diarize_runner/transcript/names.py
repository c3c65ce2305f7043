"""Recognise transcript files by their suffix."""

from pathlib import Path

SUFFIXES = (".json", ".srt", ".vtt", ".stm")
"""In order of preference when a recording has several."""


def is_transcript(path: Path) -> bool:
    """Whether a file has a suffix of transcripts."""
    return path.suffix.lower() in SUFFIXES
