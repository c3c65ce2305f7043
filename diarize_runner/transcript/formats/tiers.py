"""A transcript as the tiers of an annotation tool: for each speaker what was said, its words, and the turns.

In a tier nothing overlaps, and nothing is without length. So whatever would begin together begins a millisecond after
the one before, and what is not over when the next begins ends there: every text keeps a place of its own, and starts
are trusted above ends.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from diarize_runner.diarization.turns import SpeakerTurn
from diarize_runner.transcript.formats.clock import milliseconds
from diarize_runner.transcript.formats.fields import one_line
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript, LabelledWord

_NOBODY = "nobody"


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A stretch of a tier, and what is written on it."""

    start: int
    """Milliseconds from the start of the recording."""
    end: int
    """Milliseconds; after `start`."""
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Tier:
    """Intervals in order, none of which overlap."""

    name: str
    """Different from every other tier's."""
    speaker: str
    """Empty for what nobody can be found for."""
    intervals: tuple[Interval, ...]


def tiers_of(transcript: LabelledTranscript) -> tuple[Tier, ...]:
    """Return the tiers, speaker by speaker; one that would be empty is left out."""
    segments, turns = transcript.segments, transcript.diarization.turns
    kinds = {
        "": _by_speaker((segment.speaker or "", _interval(segment, segment.text)) for segment in segments),
        " words": _by_speaker(
            (word.speaker or "", _interval(word, word.text)) for segment in segments for word in segment.words
        ),
        " turns": _by_speaker((turn.speaker, _interval(turn, turn.speaker)) for turn in turns),
    }
    speakers = sorted({speaker for own in kinds.values() for speaker in own}, key=lambda name: (not name, name))
    tiers = (
        Tier(name=f"{one_line(speaker) or _NOBODY}{kind}", speaker=speaker, intervals=tuple(_apart(own)))
        for speaker in speakers
        for kind, by_speaker in kinds.items()
        if (own := by_speaker.get(speaker))
    )
    return tuple(_named_apart(tiers))


def _by_speaker(marks: Iterable[tuple[str, Interval]]) -> dict[str, list[Interval]]:
    found: dict[str, list[Interval]] = {}
    for speaker, interval in marks:
        found.setdefault(speaker, []).append(interval)
    return found


def _interval(span: LabelledSegment | LabelledWord | SpeakerTurn, text: str) -> Interval:
    return Interval(start=milliseconds(span.start), end=milliseconds(span.end), text=one_line(text))


def _apart(intervals: list[Interval]) -> Iterator[Interval]:
    """Move intervals as little as lets each have a place of its own."""
    in_order = sorted(intervals, key=lambda interval: interval.start)
    starts: list[int] = []
    for interval in in_order:
        starts.append(max(interval.start, starts[-1] + 1) if starts else interval.start)
    limits = [*starts[1:], None]
    for interval, start, limit in zip(in_order, starts, limits, strict=True):
        end = max(interval.end, start + 1)
        yield replace(interval, start=start, end=end if limit is None else min(end, limit))


def _named_apart(tiers: Iterable[Tier]) -> Iterator[Tier]:
    taken: set[str] = set()
    for tier in tiers:
        name, number = tier.name, 1
        while name in taken:
            number += 1
            name = f"{tier.name} ({number})"
        taken.add(name)
        yield replace(tier, name=name)
