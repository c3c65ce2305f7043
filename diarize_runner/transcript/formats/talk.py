"""How much each speaker speaks."""

from dataclasses import dataclass

from diarize_runner.diarization.turns import Diarization
from diarize_runner.transcript.formats.overlap import overlaps_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Talk:
    """One speaker's part."""

    speaker: str
    seconds: float
    """In which the speaker speaks, others or not."""
    turns: int
    longest: float
    """Seconds of the longest turn."""
    overlapped: float
    """Seconds in which others speak too."""


def talk_of(diarization: Diarization) -> tuple[Talk, ...]:
    """Return each speaker's part, in the order of their labels."""
    overlaps = overlaps_of(diarization.turns)
    return tuple(
        Talk(
            speaker=speaker,
            seconds=sum(lengths),
            turns=len(lengths),
            longest=max(lengths),
            overlapped=sum(overlap.end - overlap.start for overlap in overlaps if speaker in overlap.speakers),
        )
        for speaker in diarization.speakers
        if (lengths := [turn.duration for turn in diarization.turns if turn.speaker == speaker])
    )
