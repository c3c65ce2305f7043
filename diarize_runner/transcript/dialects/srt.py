"""SRT.

    1
    00:00:00,000 --> 00:00:02,500
    Hello

A cue's text goes on to the next cue, blank lines and all. Its lines are joined with a blank, for where one ends is
layout; so is `<i>`, which is left out, and so is `[SPEAKER_00]` in front: who speaks is for the turns to say.
"""

import re
from collections.abc import Iterator
from typing import Any

from diarize_runner.transcript.dialects.cues import is_timing, spoken, timing, without_tags
from diarize_runner.transcript.dialects.dialect import Dialect
from diarize_runner.transcript.model import Segment

_TAG = re.compile(r"</?(?:[bisu]|font)(?:\s[^>]*)?>", re.IGNORECASE)
_PLACE = re.compile(r"\{\\an\d\}")
_NUMBER = re.compile(r"\d+[ \t]*\n")
_OPENING = re.compile(r"\d+:\d[\d:,.]*\s*-->")


def _segments(document: str) -> Iterator[Segment]:
    lines = document.split("\n")
    starts = [index for index, line in enumerate(lines) if is_timing(line)]
    for start, following in zip(starts, [*starts[1:], len(lines)], strict=True):
        span = timing(lines[start], start + 1)
        text = _without_number(lines[start + 1 : following], is_last=following == len(lines))
        yield Segment(start=span.start, end=span.end, text=spoken(_PLACE.sub("", without_tags(_TAG, "\n".join(text)))))


def _without_number(lines: list[str], *, is_last: bool) -> list[str]:
    """Take off the number of the cue that follows."""
    return lines[:-1] if lines and lines[-1].strip().isdecimal() and not is_last else lines


def _recognises(document: Any) -> bool:
    if not isinstance(document, str):
        return False
    opening = document.lstrip()  # first: in one expression, it would try each of many blanks with each of the others
    numbered = _NUMBER.match(opening)
    return _OPENING.match(opening[numbered.end() :].lstrip() if numbered else opening) is not None


SRT = Dialect(
    name="SRT",
    example="1, then 00:00:00,000 --> 00:00:02,500, then the text, each on its line",
    recognises=_recognises,
    segments=_segments,
)
