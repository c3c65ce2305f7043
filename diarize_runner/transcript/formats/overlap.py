"""Find where several speakers speak at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from diarize_runner.diarization.turns import SpeakerTurn
from diarize_runner.transcript.model import Span


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlap(Span):
    """A span in which the same two or more speakers speak."""

    speakers: tuple[str, ...]
    """Sorted."""


def find_overlaps(turns: Sequence[SpeakerTurn]) -> tuple[Overlap, ...]:
    """Return the overlaps, in order of time."""
    timed = [turn for turn in turns if turn.duration]
    changes = [(turn.start, 1, turn.speaker) for turn in timed] + [(turn.end, -1, turn.speaker) for turn in timed]
    speaking: dict[str, int] = {}
    found, start = [], 0.0
    for time, step, speaker in sorted(changes):
        if len(speaking) > 1 and time > start:
            found.append(Overlap(start=start, end=time, speakers=tuple(sorted(speaking))))
        speaking[speaker] = speaking.get(speaker, 0) + step
        if not speaking[speaker]:
            del speaking[speaker]
        start = time
    return tuple(found)
