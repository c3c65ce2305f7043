"""Draw a reference and its diarization over each other as SVG, with the regions where they differ.

First comes a lane for each kind of error, then a lane for each speaker: the reference's turns, and below them those of
the label that is mapped to the speaker. Labels without a speaker come last. An error's colour runs through all lanes.
Positions are percentages of the width and nothing is scaled, so the text stays sharp. The names are HTML over the SVG:
they stay in view where a long recording scrolls.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from diarize_runner.benchmark.alignment import KINDS, Alignment, Difference, find_differences
from diarize_runner.benchmark.formats.figures import format_seconds
from diarize_runner.diarization.turns import SpeakerTurn
from diarize_runner.transcript.formats.clock import format_short, to_milliseconds
from diarize_runner.transcript.formats.fields import one_line
from diarize_runner.transcript.formats.timeline import draw_tick, find_ticks

_LANE_HEIGHT, _NAME_HEIGHT, _BAR_HEIGHT = 38, 16, 9
"""Pixels; STYLE repeats the first."""
_AXIS_HEIGHT = 24
_MIN_WIDTH = 0.08
"""Percent of the width: on a screen, about a pixel."""
_PIXELS_PER_SECOND, _MAX_PIXELS = 2, 20_000
STYLE = """
.overlay { display: grid; width: max-content; min-width: 100% }
.overlay > * { grid-area: 1 / 1 }
.overlay svg { max-width: none; width: 100% }
.overlay ol { list-style: none; margin: 0; padding: 0; position: sticky; left: 0; justify-self: start;
              pointer-events: none; font-size: .75rem; line-height: 16px; z-index: 1 }
.overlay li { height: 38px } .overlay li span { background: var(--paper); padding-right: .3rem; border-radius: 3px }
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
    bottom = (len(KINDS) + len(lanes)) * _LANE_HEIGHT
    width = min(round(duration * _PIXELS_PER_SECOND), _MAX_PIXELS)
    label = escape(one_line(f"{uri}: reference and diarization"), quote=True)
    parts = [
        f'<svg role="img" aria-label="{label}" height="{bottom + _AXIS_HEIGHT}" style="min-width: {width}px">',
        *(_draw_unscored(alignment, duration, bottom)),
        *(draw_tick(second, duration, bottom) for second in find_ticks(duration)),
        *(_draw_difference(each, duration, bottom) for each in differences),
        *(_draw_lane(lane, row, duration) for row, lane in enumerate(lanes, start=len(KINDS))),
        "</svg>",
    ]
    names = [*(_name_kind(kind, differences) for kind in KINDS), *(lane.name for lane in lanes)]
    items = "".join(f'<li><span dir="auto">{escape(one_line(name))}</span></li>' for name in names)
    return f'<div class="overlay"><ol>{items}</ol>\n' + "\n".join(parts) + "</div>"


def css_class(kind: str) -> str:
    """Return the CSS class of a kind of error."""
    return kind.partition(" ")[0]


def _name_kind(kind: str, differences: Sequence[Difference]) -> str:
    return f"{kind}: {sum(each.seconds for each in differences if each.kind == kind):.1f} s"


def _find_lanes(alignment: Alignment) -> list[_Lane]:
    """Return a lane for each speaker of the reference in order of appearance, then for each label without a speaker."""
    label_of = {name: label for label, name in alignment.speakers.items()}
    speakers = dict.fromkeys(turn.speaker for turn in alignment.reference)
    labels = dict.fromkeys(turn.speaker for turn in alignment.found)
    lanes = [
        _Lane(
            name=f"{speaker} = {label_of[speaker]}" if speaker in label_of else f"{speaker}: not found",
            reference=[turn for turn in alignment.reference if turn.speaker == speaker],
            found=[turn for turn in alignment.found if turn.speaker == label_of.get(speaker)],
        )
        for speaker in speakers
    ]
    mapped = {label_of.get(speaker) for speaker in speakers}
    return lanes + [
        _Lane(
            name=f"{label}: not in the reference",
            reference=(),
            found=[turn for turn in alignment.found if turn.speaker == label],
        )
        for label in labels
        if label not in mapped
    ]


def _draw_unscored(alignment: Alignment, duration: float, bottom: int) -> Iterator[str]:
    start = 0.0
    for region in (*alignment.scored, (duration, duration)):
        if region[0] > start:
            place = _place((start, region[0]), duration)
            yield f'<rect class="unscored" {place} height="{bottom}"><title>not scored</title></rect>'
        start = region[1]


def _draw_difference(difference: Difference, duration: float, bottom: int) -> str:
    span, kind = (difference.start, difference.end), css_class(difference.kind)
    top = KINDS.index(difference.kind) * _LANE_HEIGHT + _NAME_HEIGHT
    voices = f", {difference.voices} voices" if difference.voices > 1 else ""
    title = f"<title>{difference.kind} {_format_span(span)}{voices}</title>"
    place = _place(span, duration)
    band = f'<rect class="{kind} band" {place} y="{top}" height="{bottom - top}"/>'
    return f'<g>{title}{band}<rect class="{kind}" {place} y="{top}" height="{2 * _BAR_HEIGHT}" rx="1"/></g>'


def _draw_lane(lane: _Lane, row: int, duration: float) -> str:
    top = row * _LANE_HEIGHT + _NAME_HEIGHT
    rail = f'<line class="rail" x2="100%" y1="{top + 2 * _BAR_HEIGHT}" y2="{top + 2 * _BAR_HEIGHT}"/>'
    sides = (("reference", lane.reference, top), ("found", lane.found, top + _BAR_HEIGHT))
    return rail + "".join(_draw_turn(kind, turn, y, duration) for kind, turns, y in sides for turn in turns)


def _draw_turn(kind: str, turn: SpeakerTurn, top: int, duration: float) -> str:
    span = (turn.start, turn.end)
    title = f"<title>{escape(one_line(turn.speaker))} {_format_span(span)}</title>"
    return f'<rect class="{kind}" {_place(span, duration)} y="{top}" height="{_BAR_HEIGHT - 1}" rx="1">{title}</rect>'


def _place(span: tuple[float, float], duration: float) -> str:
    percent = 100 / duration
    return f'x="{span[0] * percent:.3f}%" width="{max((span[1] - span[0]) * percent, _MIN_WIDTH):.3f}%"'


def _format_span(span: tuple[float, float]) -> str:
    start, end = map(_format_time, span)
    return f"{start} to {end} ({format_seconds(span[1] - span[0])})"


def _format_time(seconds: float) -> str:
    """Return `1:05.3`."""
    tenths = to_milliseconds(seconds) // 100
    return f"{format_short(tenths / 10)}.{tenths % 10}"
