"""Where several speak at once, and who else is heard while somebody speaks."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from diarize_runner.diarization.turns import SpeakerTurn
from diarize_runner.transcript.model import Span


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlap(Span):
    """A stretch in which the same two or more speak."""

    speakers: tuple[str, ...]
    """Sorted."""


def overlaps_of(turns: Sequence[SpeakerTurn]) -> tuple[Overlap, ...]:
    """Return every stretch that is not one speaker's own, in order."""
    lasting = [turn for turn in turns if turn.duration]
    changes = sorted(
        [(turn.start, 1, turn.speaker) for turn in lasting] + [(turn.end, -1, turn.speaker) for turn in lasting]
    )
    speaking: dict[str, int] = {}
    found, since = [], 0.0
    for time, step, speaker in changes:
        together = tuple(sorted(speaking))
        if len(together) > 1 and time > since:
            found.append(Overlap(start=since, end=time, speakers=together))
        speaking[speaker] = speaking.get(speaker, 0) + step
        if not speaking[speaker]:
            del speaking[speaker]
        since = time
    return tuple(found)


def hearing(turns: Sequence[SpeakerTurn]) -> Callable[[Span], tuple[str, ...]]:
    """Return what tells who is heard during a span, sorted; the turns are in order of start."""
    starts = [turn.start for turn in turns]
    over_by = list(accumulate((turn.end for turn in turns), max))

    def heard(span: Span) -> tuple[str, ...]:
        candidates = turns[bisect_right(over_by, span.start) : bisect_left(starts, span.end)]
        return tuple(sorted({turn.speaker for turn in candidates if turn.end > span.start}))

    return heard
