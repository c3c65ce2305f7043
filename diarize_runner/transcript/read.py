"""Read a transcript, in whichever of the known dialects it is written.

A document is what the file holds: the value if it is JSON, else its text. The first dialect that
recognises the document reads it, and a fault in it is reported by place, as in `segments[3].end`.
To know another dialect is to add one to `DIALECTS`.
"""

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr as shortened
from typing import Any, TypeVar

from diarize_runner.errors import TranscriptError
from diarize_runner.transcript.model import Segment, Transcript, Word

_T = TypeVar("_T")

_HALF_A_CHARACTER = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialect:
    """One way in which transcripts are written."""

    name: str
    example: str
    """What a person is shown when a document is not like it."""
    recognises: Callable[[Any], bool]
    """Whether a document is meant to be of this dialect, right or wrong."""
    segments: Callable[[Any], Iterator[Segment]]
    """Read such a document; raises `_Fault`."""


def read(path: Path) -> Transcript:
    """Read a transcript file.

    Raises:
        TranscriptError: the file cannot be read, is in no known dialect, or is wrong in its own.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise TranscriptError(f"cannot read {path}: {error.strerror}", hint="check the path") from error
    except UnicodeDecodeError as error:
        raise TranscriptError(f"{path} is not text in UTF-8", hint=_any_dialect()) from error
    return parse(text, name=str(path))


def parse(text: str, *, name: str = "the transcript") -> Transcript:
    """Read the text of a transcript; errors call it `name`.

    Raises:
        TranscriptError: the text is in no known dialect, or is wrong in its own.
    """
    document = _document(text, name)
    dialect = next((known for known in DIALECTS if known.recognises(document)), None)
    if dialect is None:
        kind = "text" if isinstance(document, str) else "JSON"
        raise TranscriptError(f"{name} is {kind} in no known dialect of transcripts", hint=_any_dialect())
    try:
        return Transcript(segments=tuple(dialect.segments(document)))
    except _Fault as fault:
        raise TranscriptError(f"{name}: {fault}", hint=f"expected {dialect.name}: {dialect.example}") from fault


class _Fault(Exception):
    """Something in a document is wrong: the place, then what."""


def _any_dialect() -> str:
    return "expected " + ", or ".join(f"{dialect.name}: {dialect.example}" for dialect in DIALECTS)


def _document(text: str, name: str) -> Any:
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TranscriptError(f"{name} begins like JSON, but is not: {error}", hint=_any_dialect()) from error


def _lists_segments(document: Any) -> bool:
    return isinstance(document, list) or (isinstance(document, dict) and "segments" in document)


def _listed_segments(document: Any) -> Iterator[Segment]:
    if isinstance(document, dict):
        return _each(document["segments"], "segments", _segment)
    return _each(document, "", _segment)


def _segment(value: Any, place: str) -> Segment:
    record = _object(value, place)
    start, end = _span(record, place)
    words = _each(record.get("words") or [], f"{place}.words", _word)
    return Segment(start=start, end=end, text=_get(record, "text", place, _string), words=tuple(words))


def _word(value: Any, place: str) -> Word:
    record = _object(value, place)
    start, end = _span(record, place)
    return Word(start=start, end=end, text=_get(record, "word", place, _string))


def _span(record: dict[str, Any], place: str) -> tuple[float, float]:
    start, end = _get(record, "start", place, _seconds), _get(record, "end", place, _seconds)
    return start, _not_before(start, end, f"{place}.end")


def _object(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Fault(f"{place} is not an object: {shortened(value)}")
    return value


def _each(value: Any, place: str, read_item: Callable[[Any, str], _T]) -> Iterator[_T]:
    if not isinstance(value, list):
        raise _Fault(f"{place} is not a list: {shortened(value)}")
    return (read_item(item, f"{place}[{index}]") for index, item in enumerate(value))


def _get(record: dict[str, Any], key: str, place: str, read_value: Callable[[Any, str], _T]) -> _T:
    if key not in record:
        raise _Fault(f"{place}.{key} is missing")
    return read_value(record[key], f"{place}.{key}")


def _string(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise _Fault(f"{place} is not a string: {shortened(value)}")
    if _HALF_A_CHARACTER.search(value):  # which JSON can say, but no file can hold
        raise _Fault(f"{place} has half a character: {shortened(value)}")
    return value


def _seconds(value: Any, place: str) -> float:
    try:
        seconds = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise _Fault(f"{place} is not a time in seconds: {shortened(value)}")
    return seconds


def _not_before(start: float, end: float, place: str) -> float:
    if end < start:
        raise _Fault(f"{place} is {end} s, before the start at {start} s")
    return end


_STM_OPENING = re.compile(r"\s*(;;|(\S+[ \t]+){3}[\d.]+[ \t]+[\d.]+\s)")
_STM_FIELDS = 5
_STM_LABELS = re.compile(r"^<[^<>\s]*>(\s+|$)")


def _looks_like_stm(document: Any) -> bool:
    return isinstance(document, str) and _STM_OPENING.match(document) is not None


def _stm_segments(document: str) -> Iterator[Segment]:
    recordings: set[str] = set()
    for number, line in enumerate(document.split("\n"), start=1):
        if not line.strip() or line.startswith(";;"):
            continue
        fields = line.split(maxsplit=_STM_FIELDS)
        recordings.add(fields[0])
        if len(recordings) > 1:
            raise _Fault(f"line {number} is of a second recording: {shortened(fields[0])}")
        yield _stm_segment(fields, f"line {number}")


def _stm_segment(fields: list[str], place: str) -> Segment:
    if len(fields) < _STM_FIELDS:
        raise _Fault(f"{place} has {len(fields)} fields, not {_STM_FIELDS} and a text")
    start, end = _seconds(fields[3], f"{place}, start"), _seconds(fields[4], f"{place}, end")
    text = _STM_LABELS.sub("", "".join(fields[_STM_FIELDS:]).strip())
    return Segment(start=start, end=_not_before(start, end, f"{place}, end"), text=text)


DIALECTS = (
    Dialect(
        name="WhisperLive JSON",
        example='{"segments": [{"start": "0.000", "end": "2.500", "text": "Hello"}]}',
        recognises=_lists_segments,
        segments=_listed_segments,
    ),
    Dialect(
        name="NIST STM",
        example="file channel speaker start end [<labels>] text",
        recognises=_looks_like_stm,
        segments=_stm_segments,
    ),
)
