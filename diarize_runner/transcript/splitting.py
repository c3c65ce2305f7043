"""Split a segment where its speaker changes, into pieces that are large enough."""

from collections.abc import Callable, Sequence
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
    """Fold runs into their neighbours, the shortest first, until every run has what the guards ask for."""
    least = guards.share * (times[-1][1] - times[0][0]) / 1_000_000

    def seconds(run: Run) -> float:
        return run.seconds(times)

    def stands(run: Run) -> bool:
        if seconds(run) < guards.seconds or run.after - run.first < guards.words:
            return False
        timed = sum(not word.interpolated for word in segment.words[run.first : run.after])
        of_speaker = sum(seconds(each) for each in found if each.speaker == run.speaker)
        return timed >= guards.words and of_speaker >= least

    while len(found) > 1 and (falling := [index for index, run in enumerate(found) if not stands(run)]):
        found = _folded(found, min(falling, key=lambda index: seconds(found[index])), seconds)
    return found


def _folded(found: list[Run], at: int, seconds: Callable[[Run], float]) -> list[Run]:
    """Let a run go to both its neighbours, if they are one speaker's, or else to the longer."""
    first, after = max(at - 1, 0), min(at + 2, len(found))
    around = [run for run in found[first:after] if run is not found[at]]
    if around[0].speaker != around[-1].speaker:
        longer = max(around, key=seconds)
        first, after = (first, at + 1) if longer is around[0] else (at, after)
        around = [longer]
    return [*found[:first], joined(found[first], found[after - 1], around[0].speaker), *found[after:]]


def _cut(segment: Segment, found: Sequence[Run], texts: Sequence[str]) -> list[Piece]:
    starts = [segment.start, *(segment.words[run.first].start for run in found[1:])]
    ends = [*(segment.words[run.after - 1].end for run in found[:-1]), segment.end]
    if any(start > end for start, end in zip(starts, ends, strict=True)):
        return []
    return [
        Piece(start=start, end=end, text="".join(texts[run.first : run.after]), first=run.first, after=run.after)
        for start, end, run in zip(starts, ends, found, strict=True)
    ]
