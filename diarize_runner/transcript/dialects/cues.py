"""What SRT and WebVTT have in common: time stamps, the line between two of them, and text that a diarizer labelled."""

import re
from reprlib import Repr

from diarize_runner.transcript.dialects.dialect import Fault
from diarize_runner.transcript.dialects.fields import span
from diarize_runner.transcript.model import Span

ARROW = "-->"
_STAMP = r"(?:(\d{1,9}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_LABEL = re.compile(r"^\[SPEAKER_\d+\]:?(?:\s+|$)")
"""As pyannote calls speakers: in subtitles of ours, and with a colon in whisperX's."""
_QUOTED = Repr()
_QUOTED.maxstring = 80
_TIMING = re.compile(rf"\s*{_STAMP}\s*{ARROW}\s*{_STAMP}(?:\s.*)?$")


def is_timing(line: str) -> bool:
    """Whether a line is meant to say when a cue is shown."""
    return ARROW in line


def timing(line: str, number: int) -> Span:
    """Read such a line; settings after it are passed over.

    Raises:
        Fault: it cannot be read; `number` is the line's.
    """
    match = _TIMING.match(line)
    if not match:
        raise Fault(f"line {number} is not a time, an arrow and a time: {_QUOTED.repr(line.strip())}")
    start, end = _seconds(*match.groups()[:4]), _seconds(*match.groups()[4:])
    return span(start, end, f"line {number}, end")


def spoken(text: str) -> str:
    """Return a cue's text on one line, without the label of who was heard before: that is for the turns to say."""
    return _LABEL.sub("", " ".join(text.split()))


def without_tags(tag: re.Pattern[str], text: str) -> str:
    """Return the text without what `tag` matches, each match from a `<` up to the next `>`.

    After the last `>` nothing can match, and from each `<` there a search would go on to the end.
    """
    after = text.rfind(">") + 1
    return tag.sub("", text[:after]) + text[after:]


def _seconds(hours: str | None, minutes: str, whole: str, fraction: str) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(f"{whole}.{fraction}")
