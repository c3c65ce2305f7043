"""WebVTT.

    WEBVTT

    intro
    00:00.000 --> 00:02.500 align:start
    <v Ann>Hello

Blocks are found as in https://www.w3.org/TR/webvtt1/#collect-a-webvtt-block: a line of times begins a cue even without
a blank line before it, right after the header too. Unlike there, no word is lost: a damaged line of times is an error,
and an arrow without times is text.

Notes, styles, regions and markup in a text are dropped, voices included; the turns give the speaker. The lines of a cue
are joined with spaces.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from diarize_runner.transcript.dialects.cues import clean_text, is_timing, parse_timing, remove_tags
from diarize_runner.transcript.dialects.dialect import Dialect, ParseError
from diarize_runner.transcript.dialects.raw import RawSegment

_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Cue:
    number: int
    """Of the line of times."""
    timing: str
    lines: list[str] = field(default_factory=list)


def _read_segments(document: str) -> Iterator[RawSegment]:
    for cue in _find_cues(document):
        span = parse_timing(cue.timing, cue.number)
        text = clean_text(_unescape(remove_tags(_TAG, "\n".join(cue.lines)), cue.number + 1))
        yield RawSegment(text=text, span=span)


def _find_cues(document: str) -> Iterator[_Cue]:
    """Yield each cue; lines before the first, and after a blank line up to the next, are of the header or a note."""
    cue: _Cue | None = None
    for number, line in enumerate(document.split("\n"), start=1):
        if is_timing(line) and number > 1:
            if cue:
                yield cue
            cue = _Cue(number=number, timing=line)
        elif not line:
            if cue:
                yield cue
            cue = None
        elif cue:
            cue.lines.append(line)
    if cue:
        yield cue


def _unescape(text: str, number: int) -> str:
    try:
        return unescape(text)
    except ValueError as error:  # `&#` and more digits than Python converts
        raise ParseError(f"the text from line {number} on has an invalid character reference") from error


def _recognises(document: Any) -> bool:
    return isinstance(document, str) and re.match(r"WEBVTT(?:\s|$)", document) is not None


VTT = Dialect(
    name="WebVTT",
    example="WEBVTT, a blank line, then 00:00.000 --> 00:02.500 and the text, each on its own line",
    recognises=_recognises,
    read_segments=_read_segments,
)
