"""Values out of a JSON document, each read by a function that knows its place; all raise `Fault`."""

import math
import re
from collections.abc import Callable, Iterator
from reprlib import repr as shortened
from typing import Any, TypeVar

from diarize_runner.bounds import DAYS, within_recording
from diarize_runner.transcript.dialects.dialect import Fault
from diarize_runner.transcript.model import Span

_T = TypeVar("_T")

_HALF_A_CHARACTER = re.compile(r"[\ud800-\udfff]")  # which JSON can say, but no file can hold
_HALF_AND_NO_BYTE = re.compile(r"[\ud800-\udc7f\udd00-\udfff]")


def record(value: Any, place: str) -> dict[str, Any]:
    """Return an object."""
    if not isinstance(value, dict):
        raise Fault(f"{place} is not an object: {shortened(value)}")
    return value


def each(value: Any, place: str, read_item: Callable[[Any, str], _T]) -> Iterator[_T]:
    """Read every item of a list."""
    if not isinstance(value, list):
        raise Fault(f"{place} is not a list: {shortened(value)}")
    return (read_item(item, f"{place}[{index}]") for index, item in enumerate(value))


def get(values: dict[str, Any], key: str, place: str, read_value: Callable[[Any, str], _T]) -> _T:
    """Read the value of a key that has to be there."""
    if key not in values:
        raise Fault(f"{place}.{key} is missing")
    return read_value(values[key], f"{place}.{key}")


def string(value: Any, place: str) -> str:
    """Return a text."""
    return _text(value, place, _HALF_A_CHARACTER)


def string_of_bytes(value: Any, place: str) -> str:
    """Return a text that may begin or end within a character: its bytes, as `surrogateescape` has them."""
    return _text(value, place, _HALF_AND_NO_BYTE)


def _text(value: Any, place: str, halves: re.Pattern[str]) -> str:
    if not isinstance(value, str):
        raise Fault(f"{place} is not a string: {shortened(value)}")
    if halves.search(value):
        raise Fault(f"{place} has half a character: {shortened(value)}")
    return value


def seconds(value: Any, place: str) -> float:
    """Return a time, which may be written as a string."""
    return _time(value, place, "seconds")


def seconds_of_milliseconds(value: Any, place: str) -> float:
    """Return a time, which is written in milliseconds, in seconds."""
    return _time(value, place, "milliseconds") / 1000


def _time(value: Any, place: str, unit: str) -> float:
    try:
        time = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        time = math.nan
    if not 0 <= time < math.inf:
        raise Fault(f"{place} is not a time in {unit}: {shortened(value)}")
    return time


def span(start: float, end: float, place: str) -> Span:
    """Return the time from `start` to `end`, which is at `place`; every time of a document comes through here."""
    if not within_recording(end):
        raise Fault(f"{place} is {end:g} s, and no recording lasts longer than {DAYS} days")
    if end < start:
        raise Fault(f"{place} is {end} s, before the start at {start} s")
    return Span(start=start, end=end)


def span_of(values: dict[str, Any], place: str) -> Span:
    """Return the time from the key `start` to the key `end`."""
    return span(get(values, "start", place, seconds), get(values, "end", place, seconds), f"{place}.end")
