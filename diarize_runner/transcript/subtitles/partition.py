"""Where cues and their lines end: the partition of least cost.

The costs are chosen so that a cue is one sentence, unless that would flash by: then it shares a cue with its
neighbour. A sentence that is too long is cut into as few cues as can be, of like lengths, at commas or pauses.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from diarize_runner.transcript.subtitles.layout import SubtitleLayout
from diarize_runner.transcript.subtitles.tokens import Break, Token, find_breaks, join_tokens

_CUE_COST = 0.5
_ANYWHERE = 6.0
_CUE_BREAK_COSTS = {Break.SENTENCE: 0.0, Break.CLAUSE: 2.0, Break.WORD: _ANYWHERE}
_LEAST_FULLNESS = 1 / 3
"""Of a cue that ends anywhere in a sentence: a shorter one costs more than it can save, so it is not compared."""
_INNER_SENTENCE_COST = 0.5
"""Of each sentence that ends before its cue does: the next one would be read before it is heard."""
_SILENCE_COST = 1.0
"""Of each second of silence within a cue, for the same reason."""
_SHORT_COST = 3.0
"""Of a cue that lasts no time; less, the closer it comes to the minimum."""
_LINE_COST = 100.0
"""Above all other costs of a line: no cue has more lines than it needs."""
_LINE_BREAK_COSTS = {Break.SENTENCE: 0.0, Break.CLAUSE: 0.1, Break.WORD: 0.15}

Costs = Callable[[int], Iterable[tuple[int, float]]]
"""Takes the first item of a part; returns each possible end, one item on at least, and the part's cost."""


def partition(count: int, costs: Costs) -> list[slice]:
    """Return the parts of `count` items whose costs have the least sum."""
    totals, origins = [0.0, *[inf] * count], [0] * (count + 1)
    for first in range(count):
        for after, cost in costs(first):
            if totals[first] + cost < totals[after]:
                totals[after], origins[after] = totals[first] + cost, first
    parts, after = [], count
    while after:
        parts.append(slice(origins[after], after))
        after = origins[after]
    return parts[::-1]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Utterance:
    """What can be cut into cues; lists have an item for each token."""

    tokens: Sequence[Token]
    endings: Sequence[float]
    """Costs of a cue that ends with the token."""
    inner: Sequence[float]
    """Costs of a cue that goes on after the token."""
    layout: SubtitleLayout
    label: int
    """Characters of the speaker's label."""

    def candidates(self, first: int) -> Iterator[tuple[int, float]]:
        """Yield each end of a cue that keeps the limits, and its cost; one token is always a cue."""
        layout, start = self.layout, self.tokens[first].start
        width, end, inner = 0, start, 0.0
        full = layout.line_length * layout.lines * _LEAST_FULLNESS
        for after in range(first + 1, first + count_fitting(self.tokens, first, layout, self.label) + 1):
            token, ending = self.tokens[after - 1], self.endings[after - 1]
            end, width = max(end, token.end), width + token.width
            if after > first + 1 and end - start > layout.max_seconds:
                return
            is_likely = ending < _ANYWHERE or width >= full or end - start >= layout.max_seconds * _LEAST_FULLNESS
            if is_likely or after == first + 1:
                yield after, _CUE_COST + ending + inner + self._reading_cost(after, start, end, width)
            inner += self.inner[after - 1]

    def _reading_cost(self, after: int, start: float, end: float, width: int) -> float:
        """Return the cost of a cue for being fuller than others, for a flash, and for haste."""
        layout = self.layout
        room = self.tokens[after].start if after < len(self.tokens) else end + layout.min_seconds
        seconds = max(end, min(room, start + layout.max_seconds)) - start
        cost = (width / (layout.line_length * layout.lines)) ** 2
        if seconds < layout.min_seconds:
            cost += _SHORT_COST * (1 - seconds / layout.min_seconds)
        to_read = width / layout.reading_speed
        return cost + (1 - seconds / to_read if seconds < to_read else 0.0)


def _cut(tokens: Sequence[Token], layout: SubtitleLayout, label: int) -> _Utterance:
    breaks = find_breaks(tokens)
    silences = [*(max(0.0, right.start - left.end) for left, right in pairwise(tokens)), 0.0]
    return _Utterance(
        tokens=tokens,
        endings=[_CUE_BREAK_COSTS[each] for each in breaks],
        inner=[
            _INNER_SENTENCE_COST * (each is Break.SENTENCE) + _SILENCE_COST * silence
            for each, silence in zip(breaks, silences, strict=True)
        ],
        layout=layout,
        label=label,
    )


def count_fitting(tokens: Sequence[Token], first: int, layout: SubtitleLayout, label: int) -> int:
    """Return how many tokens from `first` on fit into the lines of one cue, at least one."""
    line, lines = label + tokens[first].width - tokens[first].follows_space, 1
    for index in range(first + 1, len(tokens)):
        token = tokens[index]
        line += token.width
        if line > layout.line_length:
            line, lines = token.width - token.follows_space, lines + 1
        if lines > layout.lines:
            return index - first
    return len(tokens) - first


def split_cues(tokens: Sequence[Token], layout: SubtitleLayout, label: int) -> list[Sequence[Token]]:
    """Return the tokens of each cue."""
    return [tokens[part] for part in partition(len(tokens), _cut(tokens, layout, label).candidates)]


def wrap(tokens: Sequence[Token], line_length: int, label: int) -> tuple[str, ...]:
    """Return the lines of a cue: as few as possible, of like lengths, and ending at commas where that is near."""
    costs = [_LINE_COST + _LINE_BREAK_COSTS[each] for each in find_breaks(tokens)]

    def candidates(first: int) -> Iterator[tuple[int, float]]:
        width = (0 if first else label) - tokens[first].follows_space
        for after in range(first + 1, len(tokens) + 1):
            width += tokens[after - 1].width
            if after > first + 1 and width > line_length:
                return
            yield after, costs[after - 1] + (width / line_length) ** 2

    return tuple(join_tokens(tokens[part]) for part in partition(len(tokens), candidates))
