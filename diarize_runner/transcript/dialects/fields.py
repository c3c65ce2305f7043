"""Read values of a JSON document; `place` is the value's place in errors. All functions raise `ParseError`."""

import re
from collections.abc import Callable, Iterator
from reprlib import repr as shortened
from typing import Any, TypeVar

from diarize_runner.bounds import MAX_RECORDING_DAYS, MAX_RECORDING_SECONDS
from diarize_runner.transcript.dialects.dialect import ParseError
from diarize_runner.transcript.dialects.raw import ImpossibleSpan
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
    """Read a number, which may be negative, infinite or NaN: `make_span` checks it."""
    try:
        if not isinstance(value, bool):
            return float(value)
    except (TypeError, ValueError, OverflowError):
        pass
    raise ParseError(f"{place} is not a time in {unit}: {shortened(value)}")


def make_span(start: float, end: float, place: str) -> Span | ImpossibleSpan:
    """Return the span from `start` to `end`, in seconds; `place` is the end's. All dialects check their times here.

    One impossible time is a fault of the transcriber; a time beyond the limit is in another unit.
    """
    for time in (end, start):
        if time > MAX_RECORDING_SECONDS:
            raise ParseError(f"{place} is {time:g} s, beyond the limit of {MAX_RECORDING_DAYS} days")
    return Span(start=start, end=end) if 0 <= start <= end else ImpossibleSpan(start=start, end=end)


def read_span(
    values: dict[str, Any],
    place: str,
    keys: tuple[str, str] = ("start", "end"),
    read_time: Callable[[Any, str], float] = read_seconds,
) -> Span | ImpossibleSpan:
    """Read the keys of the start and the end."""
    start, end = (read_key(values, key, place, read_time) for key in keys)
    return make_span(start, end, f"{place}.{keys[1]}")
