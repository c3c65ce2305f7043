"""NIST STM.

    sample 1 Diane 6.68 7.16 <o,f0,female> Hello?

The fields are: file, channel, speaker, start and end in seconds, labels that may be left out, text. Lines that begin
with `;;` are comments. All are of one recording. Who transcribed a line to whom is not read.
"""

import re
from collections.abc import Iterator
from reprlib import repr as shortened
from typing import Any

from diarize_runner.transcript.dialects.dialect import Dialect, Fault
from diarize_runner.transcript.dialects.fields import seconds, span
from diarize_runner.transcript.model import Segment

_OPENING = re.compile(r"\s*(;;|(\S+[ \t]+){3}[\d.]+[ \t]+[\d.]+\s)")
_FIELDS = 5
_LABELS = re.compile(r"^<[^<>\s]*>(\s+|$)")


def _segments(document: str) -> Iterator[Segment]:
    recordings: set[str] = set()
    for number, line in enumerate(document.split("\n"), start=1):
        if not line.strip() or line.startswith(";;"):
            continue
        fields = line.split(maxsplit=_FIELDS)
        recordings.add(fields[0])
        if len(recordings) > 1:
            raise Fault(f"line {number} is of a second recording: {shortened(fields[0])}")
        yield _segment(fields, f"line {number}")


def _segment(fields: list[str], place: str) -> Segment:
    if len(fields) < _FIELDS:
        raise Fault(f"{place} has {len(fields)} fields, not {_FIELDS} and a text")
    start, end = seconds(fields[3], f"{place}, start"), seconds(fields[4], f"{place}, end")
    spoken = span(start, end, f"{place}, end")
    text = _LABELS.sub("", "".join(fields[_FIELDS:]).strip())
    return Segment(start=spoken.start, end=spoken.end, text=text)


def _recognises(document: Any) -> bool:
    return isinstance(document, str) and _OPENING.match(document) is not None


STM = Dialect(
    name="NIST STM",
    example="file channel speaker start end [<labels>] text",
    recognises=_recognises,
    segments=_segments,
)
