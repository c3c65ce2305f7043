"""Who is heard at a time.

The turns are cut at every start and end into scenes, in each of which the same people are heard throughout. Most words
lie in one scene, and what a scene is labelled is worked out once. Times are compared as whole microseconds, so that
0.3 s is 0.3 s wherever in the recording it lies.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.transcript.model import Attribution

Time = tuple[int, int]
"""From and to, in whole microseconds."""


class Label(NamedTuple):
    """A speaker, and why."""

    speaker: str | None
    attribution: Attribution


class _Turn(NamedTuple):
    start: int
    end: int
    speaker: str


class _Scene(NamedTuple):
    start: int
    end: int
    heard: tuple[str, ...]
    """Everyone who is heard, overlaps included, in alphabetical order."""
    labels: tuple[Label, ...]
    """What a time within the scene is labelled; empty where nobody has the floor."""


_NOWHERE = _Scene(start=1, end=0, heard=(), labels=())
"""No time lies within it."""


class Hearing:
    """A diarization, to be asked who is heard from one time to another; its exclusive turns say who has the floor."""

    def __init__(self, diarization: Diarization, reach: float) -> None:
        self._turns = _in_microseconds(diarization.exclusive_turns)
        self._turn_starts = [turn.start for turn in self._turns]
        self._turn_ends = [turn.end for turn in self._turns]
        self._scenes = list(_scenes(self._turns, _in_microseconds(diarization.turns)))
        self._scene_starts = [scene.start for scene in self._scenes]
        self._scene_ends = [scene.end for scene in self._scenes]
        self._steps_before = list(accumulate((1 + len(scene.heard) for scene in self._scenes), initial=0))
        self._reach = microseconds(reach)

    def steps(self, time: Time) -> int:
        """Return with how much a time has to be compared: each stretch within it, and each voice there."""
        first, after = self._range(time)
        return 1 + self._steps_before[after] - self._steps_before[first]

    def labels(self, times: Iterable[Time]) -> Iterator[tuple[Label, ...]]:
        """Yield for each time the labels that suit it equally well, the best first.

        1. Who has the floor for the longest sum of time.
        2. Where nobody has it, who has it nearest, edge to edge and within reach.
        3. Of equals, whose turn's centre is nearer; then whose turn is earlier; then who is first in the alphabet.
        """
        scene = _NOWHERE
        for time in times:
            start, end = time
            if not scene.start <= start < end <= scene.end:  # as most are that follow another
                scene = self._scene_around(time)
            yield scene.labels or self._longest(time) or self._nearest(time)

    def _scene_around(self, time: Time) -> _Scene:
        start, end = time
        at = bisect_right(self._scene_ends, start)
        scene = self._scenes[at] if at < len(self._scenes) else _NOWHERE
        return scene if scene.start <= start < end <= scene.end else _NOWHERE

    def others(self, time: Time, speaker: str | None) -> tuple[str, ...]:
        """Return who is heard besides `speaker`, the one heard longest first."""
        start, end = time
        heard: dict[str, int] = {}
        for scene_start, scene_end, names, _ in self._scenes_in(time):
            for name in names:
                if name != speaker:
                    heard[name] = heard.get(name, 0) + min(end, scene_end) - max(start, scene_start)
        return tuple(heard) if len(heard) < 2 else _longest_first(heard)  # noqa: PLR2004  # one has no order

    def _scenes_in(self, time: Time) -> Sequence[_Scene]:
        return self._scenes[slice(*self._range(time))]

    def _range(self, time: Time) -> tuple[int, int]:
        first = bisect_right(self._scene_ends, time[0])
        return first, bisect_left(self._scene_starts, time[1], first)

    def _turns_in(self, time: Time) -> Sequence[_Turn]:
        first = bisect_right(self._turn_ends, time[0])
        return self._turns[first : bisect_left(self._turn_starts, time[1], first)]

    def _longest(self, time: Time) -> tuple[Label, ...]:
        start, end = time
        turns = self._turns_in(time)
        heard: dict[str, int] = {}
        for turn_start, turn_end, speaker in turns:
            heard[speaker] = heard.get(speaker, 0) + min(end, turn_end) - max(start, turn_start)
        most = max(heard.values(), default=0)
        share = most / (end - start) if end > start else 1.0
        best = _in_order([turn for turn in turns if heard[turn.speaker] == most], time)
        return tuple(
            Label(speaker, Attribution(how="overlap", share=share, also=self.others(time, speaker))) for speaker in best
        )

    def _nearest(self, time: Time) -> tuple[Label, ...]:
        def gap(turn: _Turn) -> int:
            return max(0, turn.start - time[1], time[0] - turn.end)

        at = bisect_right(self._turn_ends, time[0])
        neighbours = self._turns[max(at - 1, 0) : at + 1]
        least = min(map(gap, neighbours), default=self._reach + 1)
        if least > self._reach:
            return (Label(None, Attribution(how="none", also=self.others(time, None))),)
        best = _in_order([turn for turn in neighbours if gap(turn) == least], time)
        return tuple(Label(speaker, Attribution(how="nearest", also=self.others(time, speaker))) for speaker in best)


def microseconds(seconds: float) -> int:
    """Return the nearest whole number of microseconds; what lies closer together is the same moment."""
    return round(seconds * 1_000_000)


def _in_microseconds(turns: Iterable[SpeakerTurn]) -> list[_Turn]:
    whole = sorted(_Turn(microseconds(turn.start), microseconds(turn.end), turn.speaker) for turn in turns)
    return [turn for turn in whole if turn.end > turn.start]


def _longest_first(heard: dict[str, int]) -> tuple[str, ...]:
    return tuple(sorted(heard, key=lambda name: (-heard[name], name)))


def _in_order(turns: Sequence[_Turn], time: Time) -> Iterable[str]:
    if len(turns) == 1:
        return (turns[0].speaker,)

    def key(turn: _Turn) -> tuple[int, int, str]:
        return abs(turn.start + turn.end - sum(time)), turn.start, turn.speaker

    return dict.fromkeys(turn.speaker for turn in sorted(turns, key=key))


def _scenes(floor: Sequence[_Turn], turns: Sequence[_Turn]) -> Iterator[_Scene]:
    """Cut the recording where anybody begins or ends."""
    holder: str | None = None
    speaking: dict[str, int] = {}
    labels_of: dict[tuple[str | None, tuple[str, ...]], tuple[Label, ...]] = {}
    before = 0
    for moment, change, has_floor, speaker in _changes(floor, turns):
        if moment > before and (holder is not None or speaking):
            heard = tuple(sorted(speaking))
            if (holder, heard) not in labels_of:
                labels_of[holder, heard] = _within_scene(holder, heard)
            yield _Scene(before, moment, heard, labels_of[holder, heard])
        before = moment
        if has_floor:
            holder = speaker if change > 0 else None
        else:
            speaking[speaker] = speaking.get(speaker, 0) + change
            if not speaking[speaker]:
                del speaking[speaker]


def _changes(floor: Sequence[_Turn], turns: Sequence[_Turn]) -> list[tuple[int, int, bool, str]]:
    """Return every moment at which somebody ends (-1) or begins (1), in order, ends first."""
    both = ((turns, False), (floor, True))
    starts = [(turn.start, 1, has_floor, turn.speaker) for those, has_floor in both for turn in those]
    ends = [(turn.end, -1, has_floor, turn.speaker) for those, has_floor in both for turn in those]
    return sorted(starts + ends)


def _within_scene(holder: str | None, heard: tuple[str, ...]) -> tuple[Label, ...]:
    if holder is None:
        return ()
    also = tuple(name for name in heard if name != holder)
    return (Label(holder, Attribution(how="overlap", share=1.0, also=also)),)
