"""Estimate times for words that the transcriber did not time.

An aligner skips words outside its alphabet: whisperX times neither `2014.` nor `£13.60`. Such words lie between their
neighbours, or the edges of their segment. They share that time by number of characters, and are marked as interpolated.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise

from diarize_runner.transcript.model import Span, Word


@dataclass(frozen=True, kw_only=True, slots=True)
class RawWord:
    """A word as in the document."""

    text: str
    span: Span | None
    """None if it has no times."""


def interpolate_times(words: Sequence[RawWord], segment: Span) -> tuple[Word, ...]:
    """Return the words with times for each; `segment` is the span of their segment."""
    runs = [list(run) for _, run in groupby(words, key=lambda word: word.span is None)]
    return tuple(
        word
        for before, run, after in _pair_with_neighbours(runs)
        for word in _interpolate_run(run, before, after, segment)
    )


def _pair_with_neighbours(runs: Sequence[list[RawWord]]) -> Iterator[tuple[Span | None, list[RawWord], Span | None]]:
    for index, run in enumerate(runs):
        before = runs[index - 1][-1].span if index else None
        after = runs[index + 1][0].span if index + 1 < len(runs) else None
        yield before, run, after


def _interpolate_run(run: list[RawWord], before: Span | None, after: Span | None, segment: Span) -> Iterator[Word]:
    start = before.end if before else segment.start
    end = max(start, after.start if after else segment.end)  # aligners sometimes go back in time
    for word, estimated in zip(run, _share_time(run, start, end), strict=True):
        span = word.span or estimated
        yield Word(start=span.start, end=span.end, text=word.text, interpolated=word.span is None)


def _share_time(run: list[RawWord], start: float, end: float) -> Iterator[Span]:
    totals = list(accumulate((len(word.text.strip()) or 1 for word in run), initial=0))
    edges = (start + (end - start) * characters / totals[-1] for characters in totals)
    return (Span(start=left, end=right) for left, right in pairwise(edges))
