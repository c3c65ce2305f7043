"""Warn of recordings that every pipeline of pyannote diarizes less reliably."""

from diarize_runner.diarization.turns import Diarization

MIN_SECONDS = 10.0
"""The window of pyannote's segmentation models. https://huggingface.co/pyannote/segmentation-3.0"""
MAX_SPEAKERS = 4
"""Speakers; clustering confuses more voices."""


def reliability_warnings(diarization: Diarization, seconds: float) -> tuple[str, ...]:
    """Return why the diarization of a recording of `seconds` may be wrong; empty for most recordings."""
    found = len(diarization.speakers)
    short = f"the recording lasts {seconds:.1f} s: below {MIN_SECONDS:g} s, speakers are often missed"
    many = f"{found} speakers found: above {MAX_SPEAKERS}, check their labels"
    return (*([short] if seconds < MIN_SECONDS else []), *([many] if found > MAX_SPEAKERS else []))
