"""OpenAI's verbose_json: segments as in Whisper, and the words of all segments in a second list.

    {"task": "transcribe", "language": "english", "duration": 8.47, "text": "Hello. Hi there!",
     "segments": [{"id": 0, "start": 0.0, "end": 2.5, "text": " Hello.", ...}, ...],
     "words": [{"word": "Hello", "start": 0.0, "end": 0.4}, ...]}

A word belongs to the segment around its midpoint, or else to the nearest. A request for words alone returns no
segments: then the sentences of `text` are the segments. Words have no punctuation, texts do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from diarize_runner.transcript.dialects import whisper
from diarize_runner.transcript.dialects.dialect import Dialect, ParseError
from diarize_runner.transcript.dialects.fields import read_key, read_list, read_string
from diarize_runner.transcript.dialects.interpolation import RawWord, interpolate_times
from diarize_runner.transcript.model import Segment, Span, Word
from diarize_runner.transcript.sentences import split_sentences


def _read_segments(document: dict[str, Any]) -> Iterator[Segment]:
    words = _read_words(document)
    if document.get("segments") is None:
        return _segments_from_sentences(read_key(document, "text", "", read_string), words)
    return _assign_words(tuple(whisper.read_segments(document)), words)


def _read_words(document: dict[str, Any]) -> tuple[Word, ...]:
    words: list[RawWord] = list(read_list(document["words"], "words", whisper.read_word))
    missing = next((number for number, word in enumerate(words) if word.span is None), None)
    if missing is not None:
        raise ParseError(f"words[{missing}] has no times")
    return interpolate_times(words, Span(start=0.0, end=0.0))


def _segments_from_sentences(text: str, words: Sequence[Word]) -> Iterator[Segment]:
    if not words:
        if text.strip():
            raise ParseError("words is empty, so the text has no times")
        return
    for sentence in split_sentences(text, words):
        start = min(word.start for word in sentence.words)
        end = max(word.end for word in sentence.words)
        yield Segment(start=start, end=end, text=sentence.text, words=sentence.words)


def _assign_words(segments: Sequence[Segment], words: Sequence[Word]) -> Iterator[Segment]:
    words_of: list[list[Word]] = [[] for _ in segments]
    index = 0
    for word in words:
        midpoint = (word.start + word.end) / 2
        while index + 1 < len(segments) and _gap(segments[index + 1], midpoint) <= _gap(segments[index], midpoint):
            index += 1
        if not segments:
            raise ParseError(f"segments is empty, but there are {len(words)} words")
        words_of[index].append(word)
    return (replace(segment, words=tuple(own)) for segment, own in zip(segments, words_of, strict=True))


def _gap(segment: Segment, moment: float) -> float:
    return max(0.0, segment.start - moment, moment - segment.end)


def _recognises(document: Any) -> bool:
    return isinstance(document, dict) and isinstance(document.get("words"), list) and "word_segments" not in document


OPENAI = Dialect(
    name="OpenAI verbose_json",
    example='{"text": "Hello", "segments": [{"start": 0.0, "end": 2.5, "text": "Hello"}], '
    '"words": [{"word": "Hello", "start": 0.0, "end": 0.4}]}',
    recognises=_recognises,
    read_segments=_read_segments,
)
