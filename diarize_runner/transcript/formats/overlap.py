"""Where several speak at once."""

from collections.abc import Sequence
from dataclasses import dataclass

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
    changes = [(turn.start, 1, turn.speaker) for turn in lasting] + [(turn.end, -1, turn.speaker) for turn in lasting]
    speaking: dict[str, int] = {}
    found, since = [], 0.0
    for time, step, speaker in sorted(changes):
        if len(speaking) > 1 and time > since:
            found.append(Overlap(start=since, end=time, speakers=tuple(sorted(speaking))))
        speaking[speaker] = speaking.get(speaker, 0) + step
        if not speaking[speaker]:
            del speaking[speaker]
        since = time
    return tuple(found)
