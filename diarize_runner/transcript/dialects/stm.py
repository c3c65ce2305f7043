"""NIST STM.

    sample 1 Diane 6.68 7.16 <o,f0,female> Hello?

The fields are: file, channel, speaker, start and end in seconds, optional labels, text. Lines that begin with `;;` are
comments. All lines must have the same file. The speaker is ignored.
"""

import re
from collections.abc import Iterator
from reprlib import repr as shortened
from typing import Any

from diarize_runner.transcript.dialects.dialect import Dialect, ParseError
from diarize_runner.transcript.dialects.fields import make_span, read_seconds
from diarize_runner.transcript.dialects.raw import RawSegment

_START = re.compile(r"\s*(;;|(\S+[ \t]+){3}-?[\d.]+[ \t]+-?[\d.]+\s)")
_FIELDS = 5
_LABELS = re.compile(r"^<[^<>\s]*>(\s+|$)")


def _read_segments(document: str) -> Iterator[RawSegment]:
    recordings: set[str] = set()
    for number, line in enumerate(document.split("\n"), start=1):
        if not line.strip() or line.startswith(";;"):
            continue
        fields = line.split(maxsplit=_FIELDS)
        recordings.add(fields[0])
        if len(recordings) > 1:
            raise ParseError(f"line {number} names a second recording: {shortened(fields[0])}")
        yield _read_segment(fields, f"line {number}")


def _read_segment(fields: list[str], place: str) -> RawSegment:
    if len(fields) < _FIELDS:
        raise ParseError(f"{place} has {len(fields)} fields; expected {_FIELDS} and a text")
    start, end = read_seconds(fields[3], f"{place}, start"), read_seconds(fields[4], f"{place}, end")
    text = _LABELS.sub("", "".join(fields[_FIELDS:]).strip())
    return RawSegment(text=text, span=make_span(start, end, f"{place}, end"))


def find_recording(document: str) -> str | None:
    """Return the name that a document in this dialect gives the recording, or None."""
    if not _recognises(document):
        return None
    lines = (line for line in document.split("\n") if line.strip() and not line.startswith(";;"))
    return next((line.split(maxsplit=1)[0] for line in lines), None)


def _recognises(document: Any) -> bool:
    return isinstance(document, str) and _START.match(document) is not None


STM = Dialect(
    name="NIST STM",
    example="file channel speaker start end [<labels>] text",
    recognises=_recognises,
    read_segments=_read_segments,
)
