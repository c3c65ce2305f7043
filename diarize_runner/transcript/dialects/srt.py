"""SRT.

    1
    00:00:00,000 --> 00:00:02,500
    Hello

A cue's text extends to the next cue, blank lines included. Its lines are joined with spaces. Markup such as `<i>` and a
leading `[SPEAKER_00]` are dropped; the turns give the speaker.
"""

import re
from collections.abc import Iterator
from typing import Any

from diarize_runner.transcript.dialects.cues import clean_text, is_timing, parse_timing, remove_tags
from diarize_runner.transcript.dialects.dialect import Dialect
from diarize_runner.transcript.dialects.raw import RawSegment

_TAG = re.compile(r"</?(?:[bisu]|font)(?:\s[^>]*)?>", re.IGNORECASE)
_OVERRIDE = re.compile(r"\{\\[^{}\n]*\}")
"""ASS's override tags, which players of SRT obey too: `{\\an8}`, `{\\i1}`, `{\\pos(10,20)}`."""
_NUMBER = re.compile(r"\d+[ \t]*\n")
_START = re.compile(r"-?\d+:\d[\d:;,. \t]*-->")


def _read_segments(document: str) -> Iterator[RawSegment]:
    lines = document.split("\n")
    starts = [index for index, line in enumerate(lines) if is_timing(line)]
    for start, next_start in zip(starts, [*starts[1:], len(lines)], strict=True):
        span = parse_timing(lines[start], start + 1)
        shown = _drop_next_number(lines[start + 1 : next_start], is_last=next_start == len(lines))
        text = clean_text(_OVERRIDE.sub("", remove_tags(_TAG, "\n".join(shown))))
        yield RawSegment(text=text, span=span)


def _drop_next_number(lines: list[str], *, is_last: bool) -> list[str]:
    """Drop the number of the next cue from the end of a cue's lines."""
    return lines[:-1] if lines and lines[-1].strip().isdecimal() and not is_last else lines


def _recognises(document: Any) -> bool:
    if not isinstance(document, str):
        return False
    opening = document.lstrip()  # not in the expression, which would take quadratic time for leading whitespace
    numbered = _NUMBER.match(opening)
    return _START.match(opening[numbered.end() :].lstrip() if numbered else opening) is not None


SRT = Dialect(
    name="SRT",
    example="1, then 00:00:00,000 --> 00:00:02,500, then the text, each on its own line",
    recognises=_recognises,
    read_segments=_read_segments,
)
