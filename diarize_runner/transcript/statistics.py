"""Compute how much each speaker speaks and says.

Talk time is the time of a speaker's turns, without the silence between them; overlapped time counts for each speaker.
A segment without timed words counts its words by whitespace, so one in a script without spaces counts one.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from diarize_runner.diarization.turns import SpeakerTurn
from diarize_runner.transcript.exclusive import merge_touching
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeakerStatistics:
    """One speaker's figures in a recording."""

    speaker: str
    seconds: float
    """Talk time, overlaps included."""
    share: float
    """Share of the talk time of all speakers, from 0 to 1."""
    turns: int
    """Turns that touch count as one."""
    longest: float
    """Seconds of the longest turn."""
    overlapped: float
    """Seconds in which others also speak."""
    words: int
    """0 without a transcript."""


def compute_statistics(transcript: LabelledTranscript) -> tuple[SpeakerStatistics, ...]:
    """Return the statistics of each speaker, sorted by label."""
    turns = list(merge_touching(transcript.diarization.turns))
    lengths_of: dict[str, list[float]] = defaultdict(list)
    for turn in turns:
        lengths_of[turn.speaker].append(turn.duration)
    words = Counter(_list_word_speakers(transcript.segments))
    overlapped = _sum_overlaps(turns)
    total = sum(turn.duration for turn in turns)
    return tuple(
        SpeakerStatistics(
            speaker=speaker,
            seconds=sum(lengths),
            share=sum(lengths) / total if total else 0.0,
            turns=len(lengths),
            longest=max(lengths, default=0.0),
            overlapped=overlapped[speaker],
            words=words[speaker],
        )
        for speaker in transcript.diarization.speakers
        for lengths in [lengths_of[speaker]]
    )


def _list_word_speakers(segments: Iterable[LabelledSegment]) -> Iterator[str | None]:
    for segment in segments:
        if segment.words:
            yield from (word.speaker for word in segment.words)
        else:
            yield from (segment.speaker for _ in segment.text.split())


def _sum_overlaps(turns: Iterable[SpeakerTurn]) -> Counter[str]:
    """Return each speaker's seconds of overlap; one speaker's turns must not overlap."""
    changes = sorted(change for turn in turns for change in ((turn.start, turn.speaker), (turn.end, turn.speaker)))
    seconds: Counter[str] = Counter()
    speaking: set[str] = set()
    for (moment, speaker), (following, _) in pairwise(changes):
        speaking ^= {speaker}
        if len(speaking) > 1:
            seconds.update(dict.fromkeys(speaking, following - moment))
    return seconds
