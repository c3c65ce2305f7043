"""WebVTT.

    WEBVTT

    intro
    00:00.000 --> 00:02.500 align:start
    <v Ann>Hello

Notes, styles, regions and markup in a text are dropped, voices included; the turns give the speaker. The lines of a cue
are joined with spaces.
"""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

from diarize_runner.transcript.dialects.cues import clean_text, is_timing, parse_timing, remove_tags
from diarize_runner.transcript.dialects.dialect import Dialect, ParseError
from diarize_runner.transcript.model import Segment

_TAG = re.compile(r"<[^>]*>")
_NOT_A_CUE = re.compile(r"(?:WEBVTT|NOTE|STYLE|REGION)(?:\s|$)")


def _read_segments(document: str) -> Iterator[Segment]:
    for number, block in _split_blocks(document):
        at = next((index for index, line in enumerate(block[:2]) if is_timing(line)), None)
        if at is None or _NOT_A_CUE.match(block[0]):
            continue
        span = parse_timing(block[at], number + at)
        text = clean_text(_unescape(remove_tags(_TAG, "\n".join(block[at + 1 :])), number + at + 1))
        yield Segment(start=span.start, end=span.end, text=text)


def _split_blocks(document: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each block of lines between blank lines, with the number of its first line."""
    block: list[str] = []
    for number, line in enumerate([*document.split("\n"), ""], start=1):
        if line.strip():
            block.append(line)
        elif block:
            yield number - len(block), block
            block = []


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
