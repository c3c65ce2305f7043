"""WebVTT.

    WEBVTT

    intro
    00:00.000 --> 00:02.500 align:start
    <v Ann>Hello

Notes, styles and regions are passed over, and so is markup within a text, voices too: who speaks is for the turns to
say. The lines of a cue are joined with a blank.
"""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

from diarize_runner.transcript.dialects.cues import is_timing, spoken, timing, without_tags
from diarize_runner.transcript.dialects.dialect import Dialect, Fault
from diarize_runner.transcript.model import Segment

_TAG = re.compile(r"<[^>]*>")
_NO_CUES = re.compile(r"(?:WEBVTT|NOTE|STYLE|REGION)(?:\s|$)")


def _segments(document: str) -> Iterator[Segment]:
    for number, block in _blocks(document):
        at = next((index for index, line in enumerate(block[:2]) if is_timing(line)), None)
        if at is None or _NO_CUES.match(block[0]):
            continue
        span = timing(block[at], number + at)
        text = spoken(_unescaped(without_tags(_TAG, "\n".join(block[at + 1 :])), number + at + 1))
        yield Segment(start=span.start, end=span.end, text=text)


def _blocks(document: str) -> Iterator[tuple[int, list[str]]]:
    """Yield what stands between blank lines, with the number of its first line."""
    block: list[str] = []
    for number, line in enumerate([*document.split("\n"), ""], start=1):
        if line.strip():
            block.append(line)
        elif block:
            yield number - len(block), block
            block = []


def _unescaped(text: str, number: int) -> str:
    try:
        return unescape(text)
    except ValueError as reason:  # `&#` and more digits than Python makes a number of
        raise Fault(f"line {number} begins a text with a character reference that is no character") from reason


def _recognises(document: Any) -> bool:
    return isinstance(document, str) and re.match(r"WEBVTT(?:\s|$)", document) is not None


VTT = Dialect(
    name="WebVTT",
    example="WEBVTT, a blank line, then 00:00.000 --> 00:02.500 and the text, each on its line",
    recognises=_recognises,
    segments=_segments,
)
