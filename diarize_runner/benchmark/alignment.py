"""A diarization beside its reference, with the speakers mapped, and the regions where the two differ."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from diarize_runner.diarization.turns import SpeakerTurn

MISSED: Final = "missed"
FALSE_ALARM: Final = "false alarm"
CONFUSION: Final = "confusion"
KINDS: Final = (MISSED, FALSE_ALARM, CONFUSION)

Region = tuple[float, float]
"""Start and end, in seconds."""
_Side = Counter[tuple[str, str]]
"""Open turns of each speaker: ("reference", name), also of a label mapped to that name, or ("found", label)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorSeconds:
    """Seconds in the scored regions; where two voices overlap, each counts."""

    speech: float
    """In the reference."""
    missed: float
    false_alarm: float
    confusion: float

    @property
    def errors(self) -> float:
        """The sum of the three errors."""
        return self.missed + self.false_alarm + self.confusion


@dataclass(frozen=True, kw_only=True, slots=True)
class Alignment:
    """The reference and the diarization of one recording."""

    scored: tuple[Region, ...]
    """In order, without overlap: the UEM, or the whole recording."""
    reference: tuple[SpeakerTurn, ...]
    found: tuple[SpeakerTurn, ...]
    speakers: Mapping[str, str]
    """The reference's speaker for each mapped label of the diarization: the mapping with the least error."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A region where the diarization is wrong."""

    start: float
    end: float
    kind: str
    """One of KINDS."""
    voices: int
    """Number of voices that are wrong at the same time."""

    @property
    def seconds(self) -> float:
        """Duration, each voice counted."""
        return (self.end - self.start) * self.voices


def find_differences(alignment: Alignment) -> tuple[Difference, ...]:
    """Return the differences inside the scored regions, by kind, then in order of time.

    They add up to the score's seconds. As in pyannote.metrics, turns of one speaker that overlap each other all count.
    """
    regions = tuple(_find_regions(alignment))
    return tuple(each for kind in KINDS for each in _merge(region for region in regions if region.kind == kind))


def _find_regions(alignment: Alignment) -> Iterator[Difference]:
    """Yield each region between two changes; sweep over all changes in order of time."""
    reference, found, scored = _Side(), _Side(), _Side()
    sides = {"reference": reference, "found": found, "scored": scored}
    before = 0.0
    for time, step, side, speaker in sorted(_changes(alignment)):
        if time > before and scored:
            yield from _compare(reference, found, (before, time))
        open_turns = sides[side]
        open_turns[speaker] += step
        if not open_turns[speaker]:
            del open_turns[speaker]
        before = time


def _changes(alignment: Alignment) -> Iterator[tuple[float, int, str, tuple[str, str]]]:
    """Yield time, +1 or -1, side and speaker for each start and end."""
    mapped = {label: ("reference", name) for label, name in alignment.speakers.items()}
    turns = [("reference", turn, ("reference", turn.speaker)) for turn in alignment.reference]
    turns += [("found", turn, mapped.get(turn.speaker, ("found", turn.speaker))) for turn in alignment.found]
    for side, turn, speaker in turns:
        yield turn.start, 1, side, speaker
        yield turn.end, -1, side, speaker
    for start, end in alignment.scored:
        yield start, 1, "scored", ("", "")
        yield end, -1, "scored", ("", "")


def _compare(reference: _Side, found: _Side, region: Region) -> Iterator[Difference]:
    absent, extra = (reference - found).total(), (found - reference).total()
    confused = min(absent, extra)
    for kind, voices in ((MISSED, absent - confused), (FALSE_ALARM, extra - confused), (CONFUSION, confused)):
        if voices:
            yield Difference(start=region[0], end=region[1], kind=kind, voices=voices)


def _merge(regions: Iterable[Difference]) -> Iterator[Difference]:
    """Join regions of one kind that touch and have the same number of voices."""
    open_region: Difference | None = None
    for region in regions:
        if open_region and (open_region.end, open_region.voices) == (region.start, region.voices):
            open_region = Difference(start=open_region.start, end=region.end, kind=region.kind, voices=region.voices)
            continue
        if open_region:
            yield open_region
        open_region = region
    if open_region:
        yield open_region
