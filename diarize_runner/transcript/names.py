"""Recognise transcript files by their suffix, and match them with recordings by name."""

from pathlib import Path

SUFFIXES = (".json", ".srt", ".vtt", ".stm")
"""In order of preference when a recording has several."""


def is_transcript(path: Path) -> bool:
    """Whether a file has a suffix of transcripts."""
    return path.suffix.lower() in SUFFIXES


def possible_stems(recording: Path) -> tuple[str, str]:
    """Return what the name of a recording's transcript may begin with: `call.wav` as whisper.cpp names it, or `call`.

    https://github.com/ggml-org/whisper.cpp/blob/master/examples/cli/cli.cpp: the default of `-of`.
    """
    return recording.name, recording.stem


def possible_uris(transcript: Path) -> tuple[str, str]:
    """Return the names that the recording of a transcript may have: of `call.wav.json`, `call.wav` or `call`."""
    return transcript.stem, Path(transcript.stem).stem
