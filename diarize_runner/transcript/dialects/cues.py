"""What SRT and WebVTT share: timestamps, the line between two of them, speaker labels and tags in a text."""

import re
from reprlib import Repr

from diarize_runner.transcript.dialects.dialect import ParseError
from diarize_runner.transcript.dialects.fields import make_span
from diarize_runner.transcript.dialects.raw import ImpossibleSpan
from diarize_runner.transcript.model import Span

ARROW = "-->"
_STAMP = r"(-?)(?:(\d{1,9}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,9}))?"
"""Some tools write microseconds, no fraction, or a negative time."""
_LABEL = re.compile(r"^\[SPEAKER_\d+\]:?(?:\s+|$)")
"""pyannote's labels: the `srt` format writes them, and whisperX adds a colon."""
_QUOTED = Repr()
_QUOTED.maxstring = 80
_TIMING_START = re.compile(rf"\s*-?\d[\d:;,. \t]*{ARROW}")
_TIMING = re.compile(rf"\s*{_STAMP}\s*{ARROW}\s*{_STAMP}(?:\s.*)?$")


def is_timing(line: str) -> bool:
    """Whether a line is meant to hold a cue's times; a text may have an arrow, too."""
    return _TIMING_START.match(line) is not None


def parse_timing(line: str, number: int) -> Span | ImpossibleSpan:
    """Read the times of line `number`; ignore the settings after them.

    Raises:
        ParseError: the line is invalid.
    """
    match = _TIMING.match(line)
    if not match:
        raise ParseError(f"line {number} is not START --> END: {_QUOTED.repr(line.strip())}")
    start, end = _seconds(*match.groups()[:5]), _seconds(*match.groups()[5:])
    return make_span(start, end, f"line {number}, end")


def clean_text(text: str) -> str:
    """Return a cue's text on one line, without a leading speaker label; the turns give the speaker."""
    return _LABEL.sub("", " ".join(text.split()))


def remove_tags(tag: re.Pattern[str], text: str) -> str:
    """Return the text without matches of `tag`, each from a `<` to the next `>`.

    Search only up to the last `>`: after it, each `<` would scan to the end of the text for nothing.
    """
    after = text.rfind(">") + 1
    return tag.sub("", text[:after]) + text[after:]


def _seconds(sign: str, hours: str | None, minutes: str, whole: str, fraction: str | None) -> float:
    seconds = int(hours or 0) * 3600 + int(minutes) * 60 + float(f"{whole}.{fraction or 0}")
    return -seconds if sign else seconds
