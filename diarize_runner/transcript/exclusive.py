"""One speaker at a time, out of turns that overlap.

Whoever begins to speak takes over from the one who is speaking; but a turn that lies within another's, such as a
listener's "yes", gives way to it whole. That goes by times alone. A diarizer that hears both voices knows better:
where there are exclusive turns of its own, they are to be used.
"""

from collections.abc import Iterable, Iterator
from operator import attrgetter

from diarize_runner.diarization.turns import SpeakerTurn


def exclusive(turns: Iterable[SpeakerTurn]) -> tuple[SpeakerTurn, ...]:
    """Return turns of which no two overlap, in order of time; a speaker's own turns are joined where they touch."""
    speaking: list[SpeakerTurn] = []
    for turn in sorted(joined(turns), key=lambda turn: (turn.start, -turn.end, turn.speaker)):
        if not speaking or turn.end > speaking[-1].end:
            speaking.append(turn)
    following = [*(turn.start for turn in speaking[1:]), float("inf")]
    return tuple(
        SpeakerTurn(start=turn.start, end=min(turn.end, taken_over), speaker=turn.speaker)
        for turn, taken_over in zip(speaking, following, strict=False)
    )


def joined(turns: Iterable[SpeakerTurn]) -> Iterator[SpeakerTurn]:
    """Join a speaker's own turns where they touch; those of each speaker are in order of time."""
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
