"""How much each speaker speaks."""

from dataclasses import dataclass

from diarize_runner.transcript.formats.overlap import overlaps_of
from diarize_runner.transcript.model import LabelledTranscript


@dataclass(frozen=True, kw_only=True, slots=True)
class Talk:
    """One speaker's part."""

    speaker: str
    seconds: float
    """In which the speaker speaks, others or not."""
    share: float
    """Of the seconds of all speakers, from 0 to 1."""
    turns: int
    longest: float
    """Seconds of the longest turn."""
    overlapped: float
    """Seconds in which others speak too."""


def talk_of(transcript: LabelledTranscript) -> tuple[Talk, ...]:
    """Return each speaker's part, in the order of their labels."""
    turns, overlaps = transcript.diarization.turns, overlaps_of(transcript.diarization.turns)
    total = sum(turn.duration for turn in turns)
    return tuple(
        Talk(
            speaker=speaker,
            seconds=sum(lengths),
            share=sum(lengths) / total if total else 0.0,
            turns=len(lengths),
            longest=max(lengths),
            overlapped=sum(overlap.end - overlap.start for overlap in overlaps if speaker in overlap.speakers),
        )
        for speaker in transcript.diarization.speakers
        for lengths in [[turn.duration for turn in turns if turn.speaker == speaker]]
    )
