"""A transcript as tiers of an annotation tool: each speaker's segments, words and turns.

The intervals of a tier have a length and do not overlap. So simultaneous intervals start a millisecond apart, and each
ends no later than the next starts: every text is kept, and starts take precedence over ends.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from diarize_runner.diarization.turns import SpeakerTurn
from diarize_runner.transcript.formats.clock import to_milliseconds
from diarize_runner.transcript.formats.fields import one_line
from diarize_runner.transcript.model import LabelledSegment, LabelledTranscript, LabelledWord

_NOBODY = "nobody"


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A labelled time range of a tier."""

    start: int
    """Milliseconds from the start of the recording."""
    end: int
    """Milliseconds; after `start`."""
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Tier:
    """Intervals in order of time, without overlaps."""

    name: str
    """Unique among the tiers."""
    speaker: str
    """Empty if none was found."""
    intervals: tuple[Interval, ...]


def build_tiers(transcript: LabelledTranscript) -> tuple[Tier, ...]:
    """Return the tiers that are not empty, speaker by speaker."""
    segments, turns = transcript.segments, transcript.diarization.turns
    kinds = {
        "": _group_by_speaker((segment.speaker or "", _make_interval(segment, segment.text)) for segment in segments),
        " words": _group_by_speaker(
            (word.speaker or "", _make_interval(word, word.text)) for segment in segments for word in segment.words
        ),
        " turns": _group_by_speaker((turn.speaker, _make_interval(turn, turn.speaker)) for turn in turns),
    }
    speakers = sorted({speaker for group in kinds.values() for speaker in group}, key=lambda name: (not name, name))
    tiers = (
        Tier(name=f"{one_line(speaker) or _NOBODY}{kind}", speaker=speaker, intervals=tuple(_separate(group)))
        for speaker in speakers
        for kind, by_speaker in kinds.items()
        if (group := by_speaker.get(speaker))
    )
    return tuple(_make_names_unique(tiers))


def _group_by_speaker(intervals: Iterable[tuple[str, Interval]]) -> dict[str, list[Interval]]:
    groups: dict[str, list[Interval]] = {}
    for speaker, interval in intervals:
        groups.setdefault(speaker, []).append(interval)
    return groups


def _make_interval(span: LabelledSegment | LabelledWord | SpeakerTurn, text: str) -> Interval:
    return Interval(start=to_milliseconds(span.start), end=to_milliseconds(span.end), text=one_line(text))


def _separate(intervals: list[Interval]) -> Iterator[Interval]:
    """Sort intervals, and move their edges as little as possible to remove overlaps."""
    in_order = sorted(intervals, key=lambda interval: interval.start)
    starts: list[int] = []
    for interval in in_order:
        starts.append(max(interval.start, starts[-1] + 1) if starts else interval.start)
    limits = [*starts[1:], None]
    for interval, start, limit in zip(in_order, starts, limits, strict=True):
        end = max(interval.end, start + 1)
        yield replace(interval, start=start, end=end if limit is None else min(end, limit))


def _make_names_unique(tiers: Iterable[Tier]) -> Iterator[Tier]:
    taken: set[str] = set()
    for tier in tiers:
        name, number = tier.name, 1
        while name in taken:
            number += 1
            name = f"{tier.name} ({number})"
        taken.add(name)
        yield replace(tier, name=name)
