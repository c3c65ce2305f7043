"""Make segments of a text and its words, where a transcriber gives no segments."""

from collections.abc import Iterator, Sequence

from diarize_runner.transcript.dialects.dialect import ParseError
from diarize_runner.transcript.dialects.raw import RawSegment, RawWord
from diarize_runner.transcript.model import Span
from diarize_runner.transcript.sentences import split_sentences


def segments_from_sentences(text: str, words: Sequence[RawWord]) -> Iterator[RawSegment]:
    """Yield the sentences of a text, each with its words and over their time; raises ParseError if it has none."""
    if not words:
        if text.strip():
            raise ParseError("words is empty, so the text has no times")
        return
    if all(word.span is None for word in words):
        raise ParseError("words[0] has no times, nor has any other word")
    for sentence in split_sentences(text, words):
        yield RawSegment(text=sentence.text, span=join_spans(sentence.words), words=sentence.words)


def join_spans(words: Sequence[RawWord]) -> Span | None:
    """Return the span over all words that have times, or None if none has."""
    spans = [word.span for word in words if isinstance(word.span, Span)]
    return Span(start=min(span.start for span in spans), end=max(span.end for span in spans)) if spans else None
