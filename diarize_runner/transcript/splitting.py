"""Split a segment where its speaker changes, into pieces that are large enough."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from typing import NamedTuple

from diarize_runner.transcript.hearing import Label, Time
from diarize_runner.transcript.model import Segment
from diarize_runner.transcript.rules import Guards
from diarize_runner.transcript.runs import Run, joined, runs
from diarize_runner.transcript.sentences import pieces


class Piece(NamedTuple):
    """A part of a segment: its words from `first` up to, and without, `after`."""

    start: float
    """Seconds from the start of the recording."""
    end: float
    """Seconds from the start of the recording."""
    text: str
    first: int
    after: int


def split(segment: Segment, times: Sequence[Time], labels: Sequence[Label], guards: Guards | None) -> list[Piece]:
    """Return the pieces, whose texts together are the segment's; one where it stays whole.

    A segment whose text does not have its words, or whose words run backwards, cannot be split.
    """
    whole = [Piece(start=segment.start, end=segment.end, text=segment.text, first=0, after=len(segment.words))]
    if not guards or len({label.speaker for label in labels} - {None}) < 2:  # noqa: PLR2004  # one speaker is none to split
        return whole
    found = _guarded(runs(labels), segment, times, guards)
    texts = pieces(segment.text, segment.words) if len(found) > 1 else None
    return (texts and _cut(segment, found, texts)) or whole


def _guarded(found: list[Run], segment: Segment, times: Sequence[Time], guards: Guards) -> list[Run]:
    """Fold runs into their neighbours until every run has what the guards ask for."""
    timed = list(accumulate((not word.interpolated for word in segment.words), initial=0))
    found = _folded(
        found,
        times,
        lambda run: run.seconds(times) < guards.seconds or timed[run.after] - timed[run.first] < guards.words,
    )
    least = guards.share * (times[-1][1] - times[0][0]) / 1_000_000
    while len(found) > 1:
        heard = dict.fromkeys((run.speaker for run in found), 0.0)
        for run in found:
            heard[run.speaker] += run.seconds(times)
        speaker = min(heard, key=heard.__getitem__)
        if heard[speaker] >= least:
            break
        found = _folded(found, times, partial(_is_of, speaker))
    return found


def _is_of(speaker: str | None, run: Run) -> bool:
    return run.speaker == speaker


def _folded(found: Sequence[Run], times: Sequence[Time], falls: Callable[[Run], bool]) -> list[Run]:
    """Let each run that falls go to both its neighbours, if they are one speaker's, or else to the longer."""
    done: list[Run] = []
    for following in found:
        right = following
        while done and falls(done[-1]):
            fallen = done.pop()
            left = done[-1] if done else None
            if left and left.speaker == right.speaker:
                right = joined(done.pop(), right, right.speaker)
            elif left and left.seconds(times) >= right.seconds(times):
                done[-1] = joined(left, fallen, left.speaker)
            else:
                right = joined(fallen, right, right.speaker)
        done.append(right)
    if len(done) > 1 and falls(done[-1]):
        done[-2:] = [joined(done[-2], done[-1], done[-2].speaker)]
    return done


def _cut(segment: Segment, found: Sequence[Run], texts: Sequence[str]) -> list[Piece]:
    starts = [segment.start, *(segment.words[run.first].start for run in found[1:])]
    ends = [*(segment.words[run.after - 1].end for run in found[:-1]), segment.end]
    if any(start > end for start, end in zip(starts, ends, strict=True)):
        return []
    return [
        Piece(start=start, end=end, text="".join(texts[run.first : run.after]), first=run.first, after=run.after)
        for start, end, run in zip(starts, ends, found, strict=True)
    ]
