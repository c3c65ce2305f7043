"""Find who speaks in a time range.

The turns' starts and ends cut the recording into regions, in each of which the same people speak throughout. Most words
lie in one region, whose label is computed once. Times are whole microseconds, because float differences such as
100.3 - 100.0 are not exactly 0.3.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.transcript.model import Attribution

TimeRange = tuple[int, int]
"""Start and end, in whole microseconds."""


class Label(NamedTuple):
    """A speaker, and how the speaker was chosen."""

    speaker: str | None
    attribution: Attribution


class _Turn(NamedTuple):
    start: int
    end: int
    speaker: str


class _Region(NamedTuple):
    start: int
    end: int
    speakers: tuple[str, ...]
    """All who speak, overlaps included, sorted."""
    labels: tuple[Label, ...]
    """One label for every time range inside the region; none where no exclusive turn covers the region."""


_NO_REGION = _Region(start=1, end=0, speakers=(), labels=())
"""Contains no time range."""


class SpeakerIndex:
    """Speaker turns by time. Labels come from the exclusive turns; simultaneous speakers come from all turns."""

    def __init__(self, diarization: Diarization, reach: float) -> None:
        self._turns = _to_microsecond_turns(diarization.exclusive_turns)
        self._turn_starts = [turn.start for turn in self._turns]
        self._turn_ends = [turn.end for turn in self._turns]
        self._regions = list(_cut_into_regions(self._turns, _to_microsecond_turns(diarization.turns)))
        self._region_starts = [region.start for region in self._regions]
        self._region_ends = [region.end for region in self._regions]
        self._comparisons_before = list(accumulate((1 + len(region.speakers) for region in self._regions), initial=0))
        self._reach = to_microseconds(reach)

    def count_comparisons(self, time: TimeRange) -> int:
        """Return the work of labelling a time range: one, plus one per region, plus one per speaker in each region."""
        first, after = self._region_range(time)
        return 1 + self._comparisons_before[after] - self._comparisons_before[first]

    def find_labels(self, times: Iterable[TimeRange]) -> Iterator[tuple[Label, ...]]:
        """Yield, for each time range, the labels that tie for first place, in the order of rule 3.

        1. The speaker whose exclusive turns overlap it longest in total.
        2. Where none overlaps, the speaker of the nearest exclusive turn, if the gap is at most `reach`.
        3. Ties are ordered by the nearest turn centre, the earlier turn, the alphabet.
        """
        region = _NO_REGION
        for time in times:
            start, end = time
            if not region.start <= start < end <= region.end:  # adjacent words mostly share a region
                region = self._find_region(time)
            yield region.labels or self._find_longest(time) or self._find_nearest(time)

    def _find_region(self, time: TimeRange) -> _Region:
        start, end = time
        at = bisect_right(self._region_ends, start)
        region = self._regions[at] if at < len(self._regions) else _NO_REGION
        return region if region.start <= start < end <= region.end else _NO_REGION

    def find_others(self, time: TimeRange, speaker: str | None) -> tuple[str, ...]:
        """Return who else speaks besides `speaker`, the longest first."""
        start, end = time
        durations: dict[str, int] = {}
        for region_start, region_end, names, _ in self._regions_in(time):
            for name in names:
                if name != speaker:
                    durations[name] = durations.get(name, 0) + min(end, region_end) - max(start, region_start)
        return tuple(durations) if len(durations) < 2 else _longest_first(durations)  # noqa: PLR2004  # nothing to sort

    def _regions_in(self, time: TimeRange) -> Sequence[_Region]:
        return self._regions[slice(*self._region_range(time))]

    def _region_range(self, time: TimeRange) -> tuple[int, int]:
        first = bisect_right(self._region_ends, time[0])
        return first, bisect_left(self._region_starts, time[1], first)

    def _turns_in(self, time: TimeRange) -> Sequence[_Turn]:
        first = bisect_right(self._turn_ends, time[0])
        return self._turns[first : bisect_left(self._turn_starts, time[1], first)]

    def _find_longest(self, time: TimeRange) -> tuple[Label, ...]:
        start, end = time
        turns = self._turns_in(time)
        durations: dict[str, int] = {}
        for turn_start, turn_end, speaker in turns:
            durations[speaker] = durations.get(speaker, 0) + min(end, turn_end) - max(start, turn_start)
        most = max(durations.values(), default=0)
        share = most / (end - start) if end > start else 1.0
        best = _rank([turn for turn in turns if durations[turn.speaker] == most], time)
        return tuple(
            Label(speaker, Attribution(how="overlap", share=share, also=self.find_others(time, speaker)))
            for speaker in best
        )

    def _find_nearest(self, time: TimeRange) -> tuple[Label, ...]:
        def gap(turn: _Turn) -> int:
            return max(0, turn.start - time[1], time[0] - turn.end)

        at = bisect_right(self._turn_ends, time[0])
        neighbours = self._turns[max(at - 1, 0) : at + 1]
        least = min(map(gap, neighbours), default=self._reach + 1)
        if least > self._reach:
            return (Label(None, Attribution(how="none", also=self.find_others(time, None))),)
        best = _rank([turn for turn in neighbours if gap(turn) == least], time)
        return tuple(
            Label(speaker, Attribution(how="nearest", also=self.find_others(time, speaker))) for speaker in best
        )


def to_microseconds(seconds: float) -> int:
    """Return the nearest whole number of microseconds."""
    return round(seconds * 1_000_000)


def _to_microsecond_turns(turns: Iterable[SpeakerTurn]) -> list[_Turn]:
    whole = sorted(_Turn(to_microseconds(turn.start), to_microseconds(turn.end), turn.speaker) for turn in turns)
    return [turn for turn in whole if turn.end > turn.start]


def _longest_first(durations: dict[str, int]) -> tuple[str, ...]:
    return tuple(sorted(durations, key=lambda name: (-durations[name], name)))


def _rank(turns: Sequence[_Turn], time: TimeRange) -> Iterable[str]:
    if len(turns) == 1:
        return (turns[0].speaker,)

    def key(turn: _Turn) -> tuple[int, int, str]:
        return abs(turn.start + turn.end - sum(time)), turn.start, turn.speaker

    return dict.fromkeys(turn.speaker for turn in sorted(turns, key=key))


def _cut_into_regions(exclusive: Sequence[_Turn], turns: Sequence[_Turn]) -> Iterator[_Region]:
    """Cut the recording at every start and end of a turn."""
    exclusive_speaker: str | None = None
    speaking: dict[str, int] = {}
    labels_of: dict[tuple[str | None, tuple[str, ...]], tuple[Label, ...]] = {}
    before = 0
    for moment, change, is_exclusive, speaker in _list_changes(exclusive, turns):
        if moment > before and (exclusive_speaker is not None or speaking):
            speakers = tuple(sorted(speaking))
            if (exclusive_speaker, speakers) not in labels_of:
                labels_of[exclusive_speaker, speakers] = _label_region(exclusive_speaker, speakers)
            yield _Region(before, moment, speakers, labels_of[exclusive_speaker, speakers])
        before = moment
        if is_exclusive:
            exclusive_speaker = speaker if change > 0 else None
        else:
            speaking[speaker] = speaking.get(speaker, 0) + change
            if not speaking[speaker]:
                del speaking[speaker]


def _list_changes(exclusive: Sequence[_Turn], turns: Sequence[_Turn]) -> list[tuple[int, int, bool, str]]:
    """Return every end (-1) and start (1) of a turn in order of time, ends first."""
    all_turns = ((turns, False), (exclusive, True))
    starts = [(turn.start, 1, is_exclusive, turn.speaker) for group, is_exclusive in all_turns for turn in group]
    ends = [(turn.end, -1, is_exclusive, turn.speaker) for group, is_exclusive in all_turns for turn in group]
    return sorted(starts + ends)


def _label_region(exclusive_speaker: str | None, speakers: tuple[str, ...]) -> tuple[Label, ...]:
    if exclusive_speaker is None:
        return ()
    also = tuple(name for name in speakers if name != exclusive_speaker)
    return (Label(exclusive_speaker, Attribution(how="overlap", share=1.0, also=also)),)
