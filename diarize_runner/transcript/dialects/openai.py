"""OpenAI's verbose_json: segments as in Whisper, and the words of all segments in a second list.

    {"task": "transcribe", "language": "english", "duration": 8.47, "text": "Hello. Hi there!",
     "segments": [{"id": 0, "start": 0.0, "end": 2.5, "text": " Hello.", ...}, ...],
     "words": [{"word": "Hello", "start": 0.0, "end": 0.4}, ...]}

A word belongs to the segment around its midpoint, or else to the nearest. A request for words alone returns no
segments: then the sentences of `text` are the segments. Words have no punctuation, texts do.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from diarize_runner.transcript.dialects import whisper
from diarize_runner.transcript.dialects.dialect import Dialect, ParseError
from diarize_runner.transcript.dialects.fields import read_key, read_list, read_string
from diarize_runner.transcript.dialects.interpolation import time_segments
from diarize_runner.transcript.dialects.raw import RawSegment, RawWord
from diarize_runner.transcript.dialects.word_lists import segments_from_sentences
from diarize_runner.transcript.model import Segment, Span


def _read_segments(document: dict[str, Any]) -> Iterable[RawSegment]:
    words = list(read_list(document["words"], "words", whisper.read_word))
    if document.get("segments") is None:
        return segments_from_sentences(read_key(document, "text", "", read_string), words)
    return _assign_words(tuple(whisper.read_segments(document)), words)


def _assign_words(segments: Sequence[RawSegment], words: Sequence[RawWord]) -> Iterator[RawSegment]:
    """Add each word to its segment; one without times joins the word before it."""
    if words and not segments:
        raise ParseError(f"segments is empty, but there are {len(words)} words")
    words_of: list[list[RawWord]] = [[] for _ in segments]
    timed, index = tuple(time_segments(segments)), 0
    for word in words:
        if isinstance(word.span, Span):
            index = _find_nearest(timed, index, (word.span.start + word.span.end) / 2)
        words_of[index].append(word)
    return (replace(segment, words=own) for segment, own in zip(segments, words_of, strict=True))


def _find_nearest(segments: Sequence[Segment], index: int, moment: float) -> int:
    """Return the index of the segment nearest to a moment, from `index` on."""
    while index + 1 < len(segments) and _gap(segments[index + 1], moment) <= _gap(segments[index], moment):
        index += 1
    return index


def _gap(segment: Segment, moment: float) -> float:
    return max(0.0, segment.start - moment, moment - segment.end)


def _recognises(document: Any) -> bool:
    """Whether there is a list of words with the key `word`: AssemblyAI and others name it `text`, in other units."""
    words = document.get("words") if isinstance(document, dict) else None
    if not isinstance(words, list) or "word_segments" in document:
        return False
    return "segments" in document or not words or not isinstance(words[0], dict) or "word" in words[0]


OPENAI = Dialect(
    name="OpenAI verbose_json",
    example='{"text": "Hello", "segments": [{"start": 0.0, "end": 2.5, "text": "Hello"}], '
    '"words": [{"word": "Hello", "start": 0.0, "end": 0.4}]}',
    recognises=_recognises,
    read_segments=_read_segments,
)
