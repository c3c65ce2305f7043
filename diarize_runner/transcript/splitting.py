"""Split a segment where its speaker changes, into pieces above the thresholds."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from typing import NamedTuple

from diarize_runner.transcript.model import Segment
from diarize_runner.transcript.rules import SplitThresholds
from diarize_runner.transcript.runs import Run, find_runs, merge_runs
from diarize_runner.transcript.sentences import split_by_words
from diarize_runner.transcript.speaker_index import Label, TimeRange


class Piece(NamedTuple):
    """A part of a segment: its words `[first:after]`."""

    start: float
    """Seconds from the start of the recording."""
    end: float
    """Seconds from the start of the recording."""
    text: str
    first: int
    after: int


def split_segment(
    segment: Segment, times: Sequence[TimeRange], labels: Sequence[Label], thresholds: SplitThresholds | None
) -> list[Piece]:
    """Return the pieces of a segment, or the whole segment as one. Joined, their texts equal its text.

    A segment stays whole if its words do not match its text, or a piece would end before it starts.
    """
    whole = [Piece(start=segment.start, end=segment.end, text=segment.text, first=0, after=len(segment.words))]
    if not thresholds or len({label.speaker for label in labels} - {None}) < 2:  # noqa: PLR2004  # a split needs two speakers
        return whole
    runs = _merge_small(find_runs(labels), segment, times, thresholds)
    texts = split_by_words(segment.text, segment.words) if len(runs) > 1 else None
    return (texts and _build_pieces(segment, runs, texts)) or whole


def _merge_small(
    runs: list[Run], segment: Segment, times: Sequence[TimeRange], thresholds: SplitThresholds
) -> list[Run]:
    """Merge runs into their neighbours until every run, and each speaker's share, meets the thresholds."""
    timed_before = list(accumulate((not word.interpolated for word in segment.words), initial=0))
    runs = _merge_where(
        runs,
        times,
        lambda run: (
            run.seconds(times) < thresholds.seconds
            or timed_before[run.after] - timed_before[run.first] < thresholds.words
        ),
    )
    minimum = thresholds.share * (times[-1][1] - times[0][0]) / 1_000_000
    while len(runs) > 1:
        durations = dict.fromkeys((run.speaker for run in runs), 0.0)
        for run in runs:
            durations[run.speaker] += run.seconds(times)
        speaker = min(durations, key=durations.__getitem__)
        if durations[speaker] >= minimum:
            break
        runs = _merge_where(runs, times, partial(_has_speaker, speaker))
    return runs


def _has_speaker(speaker: str | None, run: Run) -> bool:
    return run.speaker == speaker


def _merge_where(runs: Sequence[Run], times: Sequence[TimeRange], is_small: Callable[[Run], bool]) -> list[Run]:
    """Merge each small run with both neighbours if they are one speaker's, or else with the longer."""
    merged: list[Run] = []
    for following in runs:
        right = following
        while merged and is_small(merged[-1]):
            small = merged.pop()
            left = merged[-1] if merged else None
            if left and left.speaker == right.speaker:
                right = merge_runs(merged.pop(), right, right.speaker)
            elif left and left.seconds(times) >= right.seconds(times):
                merged[-1] = merge_runs(left, small, left.speaker)
            else:
                right = merge_runs(small, right, right.speaker)
        merged.append(right)
    if len(merged) > 1 and is_small(merged[-1]):
        merged[-2:] = [merge_runs(merged[-2], merged[-1], merged[-2].speaker)]
    return merged


def _build_pieces(segment: Segment, runs: Sequence[Run], texts: Sequence[str]) -> list[Piece]:
    starts = [segment.start, *(segment.words[run.first].start for run in runs[1:])]
    ends = [*(segment.words[run.after - 1].end for run in runs[:-1]), segment.end]
    if any(start > end for start, end in zip(starts, ends, strict=True)):
        return []
    return [
        Piece(start=start, end=end, text="".join(texts[run.first : run.after]), first=run.first, after=run.after)
        for start, end, run in zip(starts, ends, runs, strict=True)
    ]
