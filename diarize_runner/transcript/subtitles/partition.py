"""Where cues and their lines end: the partition of least cost."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf

from diarize_runner.transcript.subtitles.layout import SubtitleLayout
from diarize_runner.transcript.subtitles.tokens import WORD_COST, Token, break_costs, join_tokens

_SHORT_COST = 3.0
"""Of a cue that lasts no time; a sentence of a moment rather shares a cue than flashes."""
_LINE_COST = 100.0
"""Above all other costs of a line: no cue has more lines than it needs."""
_LINE_BREAK_COST = 0.3
"""Of a line that ends between any two words, and not after a comma."""

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
class CueCosts:
    """The costs of the cues that an utterance can be cut into."""

    tokens: Sequence[Token]
    breaks: Sequence[float]
    layout: SubtitleLayout
    label: int
    """Characters of the speaker's label."""

    def candidates(self, first: int) -> Iterator[tuple[int, float]]:
        """Yield each end of a cue that keeps the limits, and its cost; one token is always a cue."""
        layout, start, end = self.layout, self.tokens[first].start, 0.0
        width, line, lines = 0, self.label, 1
        for after in range(first + 1, len(self.tokens) + 1):
            token = self.tokens[after - 1]
            end, is_first = max(end, token.end), after == first + 1
            if not is_first and line + token.width > layout.line_length:
                line, lines = token.width - token.follows_space, lines + 1
            else:
                line += token.width - (token.follows_space if is_first else 0)
            if not is_first and (lines > layout.lines or end - start > layout.max_seconds):
                return
            width += token.width
            yield after, self.breaks[after - 1] + self._cost(after, start, end, width)

    def _cost(self, after: int, start: float, end: float, width: int) -> float:
        """Return the cost of a cue: for being one, for being fuller than others, for a flash, and for haste."""
        layout = self.layout
        room = self.tokens[after].start if after < len(self.tokens) else end + layout.min_seconds
        seconds = max(end, min(room, start + layout.max_seconds)) - start
        fullness = width / (layout.line_length * layout.lines)
        shortness = max(0.0, 1 - seconds / layout.min_seconds) if layout.min_seconds else 0.0
        haste = max(0.0, 1 - seconds * layout.reading_speed / width)
        return 1 + fullness**2 + _SHORT_COST * shortness + haste


def split_cues(tokens: Sequence[Token], layout: SubtitleLayout, label: int) -> list[Sequence[Token]]:
    """Return the tokens of each cue."""
    costs = CueCosts(tokens=tokens, breaks=break_costs(tokens), layout=layout, label=label)
    return [tokens[part] for part in partition(len(tokens), costs.candidates)]


def wrap(tokens: Sequence[Token], line_length: int, label: int) -> tuple[str, ...]:
    """Return the lines of a cue: as few as possible, of like lengths, and ending at commas where that is near."""
    breaks = break_costs(tokens)

    def candidates(first: int) -> Iterator[tuple[int, float]]:
        width = (0 if first else label) - tokens[first].follows_space
        for after in range(first + 1, len(tokens) + 1):
            width += tokens[after - 1].width
            if after > first + 1 and width > line_length:
                return
            yield after, _LINE_COST + (width / line_length) ** 2 + _LINE_BREAK_COST * breaks[after - 1] / WORD_COST

    return tuple(join_tokens(tokens[part]) for part in partition(len(tokens), candidates))
