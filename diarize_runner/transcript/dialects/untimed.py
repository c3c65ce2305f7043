"""Times for words that the transcriber did not time.

An aligner leaves out what its alphabet lacks: whisperX times neither `2014.` nor `£13.60`. Such words were said between
their neighbours, or the edges of their segment; that time is shared out by count of characters, and the words are
marked as interpolated.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise

from diarize_runner.transcript.model import Span, Word


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """A word as it is in a document."""

    text: str
    span: Span | None
    """None where it has no times."""


def timed(words: Sequence[Said], within: Span) -> tuple[Word, ...]:
    """Give every word its times; `within` is the words' segment."""
    runs = [list(run) for _, run in groupby(words, key=lambda word: word.span is None)]
    return tuple(word for before, run, after in _with_neighbours(runs) for word in _timed(run, before, after, within))


def _with_neighbours(runs: Sequence[list[Said]]) -> Iterator[tuple[Span | None, list[Said], Span | None]]:
    for index, run in enumerate(runs):
        before = runs[index - 1][-1].span if index else None
        after = runs[index + 1][0].span if index + 1 < len(runs) else None
        yield before, run, after


def _timed(run: list[Said], before: Span | None, after: Span | None, within: Span) -> Iterator[Word]:
    start = before.end if before else within.start
    end = max(start, after.start if after else within.end)  # aligners do run backwards at times
    for word, estimated in zip(run, _shared_out(run, start, end), strict=True):
        span = word.span or estimated
        yield Word(start=span.start, end=span.end, text=word.text, interpolated=word.span is None)


def _shared_out(run: list[Said], start: float, end: float) -> Iterator[Span]:
    so_far = list(accumulate((len(word.text.strip()) or 1 for word in run), initial=0))
    edges = (start + (end - start) * characters / so_far[-1] for characters in so_far)
    return (Span(start=left, end=right) for left, right in pairwise(edges))
