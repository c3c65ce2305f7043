"""Segments in JSON, as WhisperLive, whisperX, faster-whisper and Whisper itself write them.

    {"segments": [{"start": "0.000", "end": "2.500", "text": "Hello", "completed": true}]}              WhisperLive
    {"segments": [{"start": 0.03, "end": 2.5, "text": " Hello 2014.", "words": [
        {"word": "Hello", "start": 0.03, "end": 0.4, "score": 0.9}, {"word": "2014."}]}],
     "word_segments": [...], "language": "en"}                                                          whisperX
    [{"id": 1, "start": 0.0, "end": 2.5, "text": " Hello", "words": [
        {"start": 0.0, "end": 0.4, "word": " Hello", "probability": 0.9}]}]                             faster-whisper

The list may stand alone. Times are in seconds, as numbers or as strings. `word_segments` repeats the words, and is not
read. A word's text is in `word`, or in `text`, as whisper-timestamped has it.
"""

from collections.abc import Iterator
from typing import Any

from diarize_runner.transcript.dialects.dialect import Dialect
from diarize_runner.transcript.dialects.fields import each, get, record, span_of, string
from diarize_runner.transcript.dialects.untimed import Said, timed
from diarize_runner.transcript.model import Segment


def segments(document: Any) -> Iterator[Segment]:
    """Read the list, in the object or alone."""
    if isinstance(document, dict):
        return each(document["segments"], "segments", _segment)
    return each(document, "", _segment)


def said(value: Any, place: str) -> Said:
    """Read a word, with its times where it has both."""
    values = record(value, place)
    has_times = values.get("start") is not None and values.get("end") is not None
    key = "text" if "text" in values and "word" not in values else "word"
    return Said(text=get(values, key, place, string), span=span_of(values, place) if has_times else None)


def _segment(value: Any, place: str) -> Segment:
    values = record(value, place)
    span, words = span_of(values, place), list(each(values.get("words") or [], f"{place}.words", said))
    text = get(values, "text", place, string)
    return Segment(start=span.start, end=span.end, text=text, words=timed(words, span))


def _recognises(document: Any) -> bool:
    return isinstance(document, list) or (isinstance(document, dict) and "segments" in document)


WHISPER = Dialect(
    name="WhisperLive, whisperX or faster-whisper JSON",
    example='{"segments": [{"start": "0.000", "end": "2.500", "text": "Hello"}]}',
    recognises=_recognises,
    segments=segments,
)
