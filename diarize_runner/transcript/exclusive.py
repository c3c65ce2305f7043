"""Reduce overlapping turns to one speaker at a time.

A new speaker takes over from the current one; but a turn within another's, such as a listener's "yes", is dropped.
This uses times alone. Prefer a diarizer's own exclusive turns, since it hears both voices.
"""

from collections.abc import Iterable, Iterator
from operator import attrgetter

from diarize_runner.diarization.turns import SpeakerTurn


def make_exclusive(turns: Iterable[SpeakerTurn]) -> tuple[SpeakerTurn, ...]:
    """Return turns in order of time, of which no two overlap; merge one speaker's turns that touch."""
    kept: list[SpeakerTurn] = []
    for turn in sorted(merge_touching(turns), key=lambda turn: (turn.start, -turn.end, turn.speaker)):
        if not kept or turn.end > kept[-1].end:
            kept.append(turn)
    next_starts = [*(turn.start for turn in kept[1:]), float("inf")]
    return tuple(
        SpeakerTurn(start=turn.start, end=min(turn.end, next_start), speaker=turn.speaker)
        for turn, next_start in zip(kept, next_starts, strict=False)
    )


def merge_touching(turns: Iterable[SpeakerTurn]) -> Iterator[SpeakerTurn]:
    """Merge one speaker's turns that touch; yield them by speaker, then by time."""
    last: SpeakerTurn | None = None
    for turn in sorted((turn for turn in turns if turn.duration), key=attrgetter("speaker", "start")):
        if last and last.speaker == turn.speaker and turn.start <= last.end:
            last = SpeakerTurn(start=last.start, end=max(last.end, turn.end), speaker=last.speaker)
            continue
        if last:
            yield last
        last = turn
    if last:
        yield last
