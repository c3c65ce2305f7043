"""OpenAI's verbose_json: segments as Whisper has them, and the words of all of them in one list beside.

    {"task": "transcribe", "language": "english", "duration": 8.47, "text": "Hello. Hi there!",
     "segments": [{"id": 0, "start": 0.0, "end": 2.5, "text": " Hello.", ...}, ...],
     "words": [{"word": "Hello", "start": 0.0, "end": 0.4}, ...]}

A word belongs to the segment that goes on at its middle, or else to the nearest. Asked for words alone, the service
gives no segments: then the sentences of `text` are the segments. Words have no punctuation, texts do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from diarize_runner.transcript.dialects import whisper
from diarize_runner.transcript.dialects.dialect import Dialect, Fault
from diarize_runner.transcript.dialects.fields import each, get, string
from diarize_runner.transcript.dialects.untimed import Said, timed
from diarize_runner.transcript.model import Segment, Span, Word
from diarize_runner.transcript.sentences import sentences


def _segments(document: dict[str, Any]) -> Iterator[Segment]:
    words = _words(document)
    if document.get("segments") is None:
        return _sentences(get(document, "text", "", string), words)
    return _with_words(tuple(whisper.segments(document)), words)


def _words(document: dict[str, Any]) -> tuple[Word, ...]:
    words: list[Said] = list(each(document["words"], "words", whisper.said))
    missing = next((index for index, word in enumerate(words) if word.span is None), None)
    if missing is not None:
        raise Fault(f"words[{missing}] has no times")
    return timed(words, Span(start=0.0, end=0.0))


def _sentences(text: str, words: Sequence[Word]) -> Iterator[Segment]:
    if not words:
        if text.strip():
            raise Fault("words is empty, so nothing says when the text was said")
        return  # of silence
    for sentence in sentences(text, words):
        start = min(word.start for word in sentence.words)
        end = max(word.end for word in sentence.words)
        yield Segment(start=start, end=end, text=sentence.text, words=sentence.words)


def _with_words(segments: Sequence[Segment], words: Sequence[Word]) -> Iterator[Segment]:
    words_of: list[list[Word]] = [[] for _ in segments]
    going_on = 0
    for word in words:
        middle = (word.start + word.end) / 2
        while going_on + 1 < len(segments) and _gap(segments[going_on + 1], middle) <= _gap(segments[going_on], middle):
            going_on += 1
        if not segments:
            raise Fault(f"segments is empty, but there are {len(words)} words")
        words_of[going_on].append(word)
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
    segments=_segments,
)
