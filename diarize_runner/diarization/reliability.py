"""Say when a result needs a second look: for some recordings every pipeline of pyannote is less reliable."""

from diarize_runner.diarization.turns import Diarization

SHORT = 10.0
"""Seconds: the window of pyannote's segmentation models. https://huggingface.co/pyannote/segmentation-3.0"""
MANY = 4
"""Speakers; clustering confuses more voices."""


def cautions(diarization: Diarization, seconds: float) -> tuple[str, ...]:
    """Return what lowers the trust in the diarization of a recording of `seconds`; empty for most recordings."""
    found = len(diarization.speakers)
    short = f"the recording lasts {seconds:.1f} s: below {SHORT:g} s, speakers are often missed"
    many = f"{found} speakers found: above {MANY}, check their labels"
    return (*([short] if seconds < SHORT else []), *([many] if found > MANY else []))
