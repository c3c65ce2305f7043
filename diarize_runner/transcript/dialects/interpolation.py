"""Estimate times for words and segments that have none.

An aligner skips words outside its alphabet: whisperX times neither `2014.` nor `£13.60`. Such words lie between their
neighbours, or the edges of their segment. They share that time by number of characters, and are marked as interpolated.

Transcribers also write times that no recording has: an end before the start, a negative time, NaN. A word with such
times is one without times. A segment with such times extends over its timed words; without any it keeps a possible
start, and lasts until the next segment.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby, pairwise

from diarize_runner.transcript.dialects.raw import ImpossibleSpan, RawSegment, RawWord
from diarize_runner.transcript.dialects.word_lists import join_spans
from diarize_runner.transcript.model import Segment, Span, Word


def time_segments(segments: Sequence[RawSegment]) -> Iterator[Segment]:
    """Yield the segments with times for each, and for each of their words."""
    previous = Span(start=0.0, end=0.0)
    for segment, next_start in zip(segments, _find_next_starts(segments), strict=True):
        span = segment.span if isinstance(segment.span, Span) else _estimate_span(segment, previous, next_start)
        words = interpolate_times(segment.words, span)
        yield Segment(start=span.start, end=span.end, text=segment.text, words=words)
        previous = span


def _find_next_starts(segments: Sequence[RawSegment]) -> list[float | None]:
    """Return the start of the next segment with possible times for each segment; None after the last."""
    starts: list[float | None] = [None]
    for segment in reversed(segments):
        starts.append(segment.span.start if isinstance(segment.span, Span) else starts[-1])
    return starts[-2::-1]


def _estimate_span(segment: RawSegment, previous: Span, next_start: float | None) -> Span:
    if timed := join_spans(segment.words):
        return timed
    given = segment.span or ImpossibleSpan(start=-1.0, end=-1.0)
    start = given.start if given.start >= 0 else previous.end
    if given.end >= start:
        return Span(start=start, end=given.end)
    return Span(start=start, end=max(start, next_start or start))


def interpolate_times(words: Sequence[RawWord], segment: Span) -> tuple[Word, ...]:
    """Return the words with times for each; `segment` is the span of their segment."""
    runs = [list(run) for _, run in groupby(words, key=lambda word: isinstance(word.span, Span))]
    return tuple(
        word
        for before, run, after in _pair_with_neighbours(runs)
        for word in _interpolate_run(run, before, after, segment)
    )


def _pair_with_neighbours(
    runs: Sequence[list[RawWord]],
) -> Iterator[tuple[RawWord | None, list[RawWord], RawWord | None]]:
    for index, run in enumerate(runs):
        before = runs[index - 1][-1] if index else None
        after = runs[index + 1][0] if index + 1 < len(runs) else None
        yield before, run, after


def _interpolate_run(
    run: list[RawWord], before: RawWord | None, after: RawWord | None, segment: Span
) -> Iterator[Word]:
    start = before.span.end if before and isinstance(before.span, Span) else segment.start
    after_start = after.span.start if after and isinstance(after.span, Span) else segment.end
    end = max(start, after_start)  # aligners sometimes go back in time
    for word, estimated in zip(run, _share_time(run, start, end), strict=True):
        span, is_timed = (word.span, True) if isinstance(word.span, Span) else (estimated, False)
        yield Word(start=span.start, end=span.end, text=word.text, interpolated=not is_timed, score=word.score)


def _share_time(run: list[RawWord], start: float, end: float) -> Iterator[Span]:
    totals = list(accumulate((len(word.text.strip()) or 1 for word in run), initial=0))
    edges = (start + (end - start) * characters / totals[-1] for characters in totals)
    return (Span(start=left, end=right) for left, right in pairwise(edges))
