"""Segments in JSON, as WhisperLive, whisperX, faster-whisper and Whisper itself write them.

    {"segments": [{"start": "0.000", "end": "2.500", "text": "Hello", "completed": true}]}              WhisperLive
    {"segments": [{"start": 0.03, "end": 2.5, "text": " Hello 2014.", "words": [
        {"word": "Hello", "start": 0.03, "end": 0.4, "score": 0.9}, {"word": "2014."}]}],
     "word_segments": [...], "language": "en"}                                                          whisperX
    [{"id": 1, "start": 0.0, "end": 2.5, "text": " Hello", "words": [
        {"start": 0.0, "end": 0.4, "word": " Hello", "probability": 0.9}]}]                             faster-whisper

The list may stand alone. Times are in seconds, as numbers or strings. `word_segments` repeats the words and is ignored.
A word's text is in `word`, or in `text` as in whisper-timestamped; its confidence is in `score` or `probability`.
"""

from collections.abc import Iterator
from typing import Any

from diarize_runner.transcript.dialects.dialect import Dialect
from diarize_runner.transcript.dialects.fields import read_key, read_list, read_object, read_span, read_string
from diarize_runner.transcript.dialects.raw import RawSegment, RawWord


def read_segments(document: Any) -> Iterator[RawSegment]:
    """Read the list of segments, in an object or alone."""
    if isinstance(document, dict):
        return read_list(document["segments"], "segments", _read_segment)
    return read_list(document, "", _read_segment)


def read_word(value: Any, place: str) -> RawWord:
    """Read a word; its span is None unless it has both times."""
    values = read_object(value, place)
    has_times = values.get("start") is not None and values.get("end") is not None
    key = "text" if "text" in values and "word" not in values else "word"
    return RawWord(
        text=read_key(values, key, place, read_string),
        span=read_span(values, place) if has_times else None,
        score=_read_score(values.get("score", values.get("probability"))),
    )


def _read_score(value: Any) -> float | None:
    """Return a confidence; None for anything else, since no result depends on it."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= 1 else None


def _read_segment(value: Any, place: str) -> RawSegment:
    values = read_object(value, place)
    span, words = read_span(values, place), list(read_list(values.get("words") or [], f"{place}.words", read_word))
    return RawSegment(text=read_key(values, "text", place, read_string), span=span, words=words)


def _recognises(document: Any) -> bool:
    return isinstance(document, list) or (isinstance(document, dict) and "segments" in document)


WHISPER = Dialect(
    name="WhisperLive, whisperX or faster-whisper JSON",
    example='{"segments": [{"start": "0.000", "end": "2.500", "text": "Hello"}]}',
    recognises=_recognises,
    read_segments=read_segments,
)
