"""Read values of a JSON document; `place` is the value's place in errors. All functions raise `ParseError`."""

import math
import re
from collections.abc import Callable, Iterator
from reprlib import repr as shortened
from typing import Any, TypeVar

from diarize_runner.bounds import MAX_RECORDING_DAYS, is_recording_time
from diarize_runner.transcript.dialects.dialect import ParseError
from diarize_runner.transcript.model import Span

_T = TypeVar("_T")

_SURROGATES = re.compile(r"[\ud800-\udfff]")  # valid in JSON, but not in UTF-8
_SURROGATES_EXCEPT_BYTES = re.compile(r"[\ud800-\udc7f\udd00-\udfff]")


def read_object(value: Any, place: str) -> dict[str, Any]:
    """Read an object."""
    if not isinstance(value, dict):
        raise ParseError(f"{place} is not an object: {shortened(value)}")
    return value


def read_list(value: Any, place: str, read_item: Callable[[Any, str], _T]) -> Iterator[_T]:
    """Read each item of a list with `read_item`."""
    if not isinstance(value, list):
        raise ParseError(f"{place} is not a list: {shortened(value)}")
    return (read_item(item, f"{place}[{index}]") for index, item in enumerate(value))


def read_key(values: dict[str, Any], key: str, place: str, read_value: Callable[[Any, str], _T]) -> _T:
    """Read the value of a required key with `read_value`."""
    if key not in values:
        raise ParseError(f"{place}.{key} is missing")
    return read_value(values[key], f"{place}.{key}")


def read_string(value: Any, place: str) -> str:
    """Read a string."""
    return _read_text(value, place, _SURROGATES)


def read_split_string(value: Any, place: str) -> str:
    """Read a string that may begin or end within a character, whose bytes `surrogateescape` decoded."""
    return _read_text(value, place, _SURROGATES_EXCEPT_BYTES)


def _read_text(value: Any, place: str, forbidden: re.Pattern[str]) -> str:
    if not isinstance(value, str):
        raise ParseError(f"{place} is not a string: {shortened(value)}")
    if forbidden.search(value):
        raise ParseError(f"{place} has an unpaired surrogate: {shortened(value)}")
    return value


def read_seconds(value: Any, place: str) -> float:
    """Read a time in seconds: a number, or a string of one."""
    return _read_time(value, place, "seconds")


def read_milliseconds(value: Any, place: str) -> float:
    """Read a time in milliseconds; return seconds."""
    return _read_time(value, place, "milliseconds") / 1000


def _read_time(value: Any, place: str, unit: str) -> float:
    try:
        time = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        time = math.nan
    if not 0 <= time < math.inf:
        raise ParseError(f"{place} is not a time in {unit}: {shortened(value)}")
    return time


def make_span(start: float, end: float, place: str) -> Span:
    """Return the span from `start` to `end`, in seconds; `place` is the end's. All dialects check their times here."""
    if not is_recording_time(end):
        raise ParseError(f"{place} is {end:g} s, beyond the limit of {MAX_RECORDING_DAYS} days")
    if end < start:
        raise ParseError(f"{place} is {end} s, before the start at {start} s")
    return Span(start=start, end=end)


def read_span(values: dict[str, Any], place: str) -> Span:
    """Read the keys `start` and `end`."""
    start, end = (read_key(values, key, place, read_seconds) for key in ("start", "end"))
    return make_span(start, end, f"{place}.end")
