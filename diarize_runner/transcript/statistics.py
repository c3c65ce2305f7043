"""How much each speaker speaks and says.

Talk time is that of the turns, so that no silence between two of them counts; where two speak at once, it counts for
each. A transcript in a script without blanks has as many words as its transcriber timed, or one a segment.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from diarize_runner.diarization.turns import SpeakerTurn
from diarize_runner.transcript.exclusive import joined
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeakerStatistics:
    """One speaker's part in a recording."""

    speaker: str
    seconds: float
    """In which the speaker speaks, others or not."""
    share: float
    """Of the seconds of all speakers, from 0 to 1."""
    turns: int
    """The speaker's own that touch are one."""
    longest: float
    """Seconds of the longest turn."""
    overlapped: float
    """Seconds in which others speak too."""
    words: int
    """0 where there is no transcript."""


def statistics_of(transcript: LabelledTranscript) -> tuple[SpeakerStatistics, ...]:
    """Return each speaker's part, in the order of their labels."""
    turns = list(joined(transcript.diarization.turns))
    lengths_of: dict[str, list[float]] = defaultdict(list)
    for turn in turns:
        lengths_of[turn.speaker].append(turn.duration)
    words = Counter(_speaker_of_each_word(transcript.segments))
    overlapped = _overlapped(turns)
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


def _speaker_of_each_word(segments: Iterable[LabelledSegment]) -> Iterator[str | None]:
    for segment in segments:
        if segment.words:
            yield from (word.speaker for word in segment.words)
        else:
            yield from (segment.speaker for _ in segment.text.split())


def _overlapped(turns: Iterable[SpeakerTurn]) -> Counter[str]:
    """Return the seconds in which each speaks and is not alone; nobody's own turns overlap."""
    changes = sorted(change for turn in turns for change in ((turn.start, turn.speaker), (turn.end, turn.speaker)))
    seconds: Counter[str] = Counter()
    speaking: set[str] = set()
    for (moment, speaker), (following, _) in pairwise(changes):
        speaking ^= {speaker}
        if len(speaking) > 1:
            seconds.update(dict.fromkeys(speaking, following - moment))
    return seconds
