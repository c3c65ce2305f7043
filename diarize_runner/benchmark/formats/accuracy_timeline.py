"""Draw a reference and its diarization over each other as SVG, with the regions where they differ.

First comes a lane for each kind of error, then a lane for each speaker: the reference's turns, and below them those of
the label that is mapped to the speaker. Labels without a speaker come last. An error's colour runs through all lanes.
Positions are percentages of the width and nothing is scaled, so the text stays sharp. The names are HTML over the SVG:
they stay in view where a long recording scrolls.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from diarize_runner.benchmark.alignment import KINDS, Alignment, Difference, Region, find_differences
from diarize_runner.benchmark.formats.figures import format_seconds
from diarize_runner.diarization.turns import SpeakerTurn
from diarize_runner.transcript.formats.clock import format_short, to_milliseconds
from diarize_runner.transcript.formats.fields import one_line
from diarize_runner.transcript.formats.timeline import draw_tick, find_ticks

_LANE_HEIGHT, _NAME_HEIGHT, _BAR_HEIGHT = 38, 16, 9
"""Pixels; STYLE repeats the first."""
_AXIS_HEIGHT = 24
_PIXELS_PER_SECOND, _MAX_PIXELS = 2, 20_000
"""The least width: a shorter recording fits the window, a longer one scrolls."""
_WINDOW_PIXELS, _PIXELS_PER_TICK = 1_200, 120
STYLE = """
.overlay { display: grid; width: max-content; min-width: 100% }
.overlay > * { grid-area: 1 / 1 }
.overlay svg { max-width: none; width: 100% }
.overlay ol { list-style: none; margin: 0; padding: 0; position: sticky; left: 0; justify-self: start;
              pointer-events: none; font-size: .75rem; line-height: 16px; z-index: 1 }
.overlay li { height: 38px }
.overlay li span { background: var(--paper); padding-right: .3rem; border-radius: 3px; display: inline-block;
                   max-width: min(85vw, 40rem); overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.overlay .tick { stroke: var(--line) } .overlay text { font-size: .75rem; fill: var(--quiet) }
.overlay .rail { stroke: var(--line) } .overlay .unscored { fill: var(--line); opacity: .5 }
.overlay .reference { fill: var(--ink) } .overlay .found { fill: var(--found) }
.missed { fill: var(--missed) } .false { fill: var(--false) } .confusion { fill: var(--confusion) }
.overlay .band { opacity: .22 }
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Lane:
    """A speaker."""

    name: str
    reference: Sequence[SpeakerTurn]
    found: Sequence[SpeakerTurn]


def draw_overlay(uri: str, alignment: Alignment, duration: float) -> str:
    """Return the HTML of a recording of `duration` seconds."""
    differences, lanes = find_differences(alignment), _find_lanes(alignment)
    drawing = _Drawing(duration=duration, bottom=(len(KINDS) + len(lanes)) * _LANE_HEIGHT)
    names = [*(_name_kind(kind, differences) for kind in KINDS), *(lane.name for lane in lanes)]
    items = "".join(f'<li><span dir="auto">{escape(one_line(name))}</span></li>' for name in names)
    label = escape(one_line(f"{uri}: reference and diarization"), quote=True)
    size = f'height="{drawing.bottom + _AXIS_HEIGHT}" style="min-width: {drawing.min_width}px"'
    parts = [
        f'<div class="overlay"><ol>{items}</ol>',
        f'<svg role="img" aria-label="{label}" {size}>',
        *drawing.draw_unscored(alignment.scored),
        *drawing.draw_ticks(),
        *map(drawing.draw_difference, differences),
        *(drawing.draw_lane(lane, row) for row, lane in enumerate(lanes, start=len(KINDS))),
        "</svg></div>",
    ]
    return "\n".join(parts)


def css_class(kind: str) -> str:
    """Return the CSS class of a kind of error."""
    return kind.partition(" ")[0]


def _name_kind(kind: str, differences: Sequence[Difference]) -> str:
    return f"{kind}: {sum(each.seconds for each in differences if each.kind == kind):.1f} s"


def _find_lanes(alignment: Alignment) -> list[_Lane]:
    """Return a lane for each speaker of the reference in order of appearance, then for each label without a speaker."""
    reference, found = _group(alignment.reference), _group(alignment.found)
    label_of = {name: label for label, name in alignment.speakers.items()}
    lanes = []
    for speaker, turns in reference.items():
        label = label_of.get(speaker, "")
        name = f"{speaker} = {label}" if label else f"{speaker}: not found"
        lanes.append(_Lane(name=name, reference=turns, found=found.pop(label, ())))
    extra = (_Lane(name=f"{label}: not in the reference", reference=(), found=turns) for label, turns in found.items())
    return [*lanes, *extra]


def _group(turns: Iterable[SpeakerTurn]) -> dict[str, Sequence[SpeakerTurn]]:
    """Return the turns of each speaker, in order of appearance."""
    turns_of: dict[str, list[SpeakerTurn]] = {}
    for turn in turns:
        turns_of.setdefault(turn.speaker, []).append(turn)
    return dict(turns_of)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Drawing:
    """Draws elements of an SVG."""

    duration: float
    """Seconds."""
    bottom: int
    """Of the last lane, in pixels."""

    @property
    def min_width(self) -> int:
        """Pixels."""
        return min(round(self.duration * _PIXELS_PER_SECOND), _MAX_PIXELS)

    def draw_ticks(self) -> Iterator[str]:
        ticks = find_ticks(self.duration, max(self.min_width, _WINDOW_PIXELS) // _PIXELS_PER_TICK)
        return (draw_tick(second, self.duration, self.bottom) for second in ticks)

    def draw_unscored(self, scored: Sequence[Region]) -> Iterator[str]:
        start = 0.0
        for region in (*scored, (self.duration, self.duration)):
            if region[0] > start:
                place = self._place(start, region[0])
                yield f'<rect class="unscored" {place} height="{self.bottom}"><title>not scored</title></rect>'
            start = region[1]

    def draw_difference(self, difference: Difference) -> str:
        kind, place = css_class(difference.kind), self._place(difference.start, difference.end)
        top = KINDS.index(difference.kind) * _LANE_HEIGHT + _NAME_HEIGHT
        voices = f", {difference.voices} voices" if difference.voices > 1 else ""
        title = f"<title>{difference.kind} {_format_span(difference.start, difference.end)}{voices}</title>"
        band = f'<rect class="{kind} band" {place} y="{top}" height="{self.bottom - top}"/>'
        return f'<g>{title}{band}<rect class="{kind}" {place} y="{top}" height="{2 * _BAR_HEIGHT}" rx="1"/></g>'

    def draw_lane(self, lane: _Lane, row: int) -> str:
        top = row * _LANE_HEIGHT + _NAME_HEIGHT
        rail = f'<line class="rail" x2="100%" y1="{top + 2 * _BAR_HEIGHT}" y2="{top + 2 * _BAR_HEIGHT}"/>'
        sides = (("reference", lane.reference, top), ("found", lane.found, top + _BAR_HEIGHT))
        return rail + "".join(self._draw_turn(kind, turn, y) for kind, turns, y in sides for turn in turns)

    def _draw_turn(self, kind: str, turn: SpeakerTurn, top: int) -> str:
        title = f"<title>{escape(one_line(turn.speaker))} {_format_span(turn.start, turn.end)}</title>"
        place = self._place(turn.start, turn.end)
        return f'<rect class="{kind}" {place} y="{top}" height="{_BAR_HEIGHT - 1}" rx="1">{title}</rect>'

    def _place(self, start: float, end: float) -> str:
        """Return the attributes for a bar that is at least a pixel wide."""
        pixel = 100 / max(self.min_width, _WINDOW_PIXELS)
        left, width = (100 * seconds / self.duration for seconds in (start, end - start))
        return f'x="{left:.3f}%" width="{max(width, pixel):.3f}%"'


def _format_span(start: float, end: float) -> str:
    return f"{_format_time(start)} to {_format_time(end)} ({format_seconds(end - start)})"


def _format_time(seconds: float) -> str:
    """Return `1:05.3`."""
    tenths = to_milliseconds(seconds) // 100
    return f"{format_short(tenths / 10)}.{tenths % 10}"
