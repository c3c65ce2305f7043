"""Draw speaker turns as SVG: a lane for each speaker, hatched where others also speak, and a time axis.

Positions are percentages of the width and nothing is scaled, so the drawing fits any page and its text stays sharp.
The page's style sheet colours the classes `s0`, `s1`, and so on. A tooltip has the rows of its speakers and the rest of
its text as data, so that the page's script can rename them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from diarize_runner.diarization.turns import SpeakerTurn
from diarize_runner.transcript.formats.clock import format_short
from diarize_runner.transcript.formats.fields import one_line
from diarize_runner.transcript.formats.overlap import Overlap, find_overlaps

_LANE_HEIGHT, _BAR_HEIGHT = 32, 18
"""Pixels."""
_DENSE_LANE_HEIGHT, _DENSE_BAR_HEIGHT = 18, 12
"""Pixels; page.css repeats the heights of lanes for their names."""
_MAX_HIGH_LANES, _MAX_STICKY_LANES = 4, 8
"""So that the timeline covers at most two fifths of a window."""
_COLOURS = 16
"""Number of classes in page.css."""
_AXIS_HEIGHT = 24
_DAY = 86400
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 36000, _DAY)
"""Seconds between ticks; longer recordings use whole days."""
_MAX_TICKS = 10
_MIN_WIDTH = 0.08
"""Percent of the width: on a screen, about a pixel."""
_HATCH = (
    '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse">'
    '<path d="M-1,1 l2,-2 M0,6 l6,-6 M5,7 l2,-2"/></pattern></defs>'
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Lanes:
    rows: Mapping[str, int]
    """Row of each speaker, from the top."""
    duration: float

    @property
    def bottom(self) -> int:
        return lane_height(len(self.rows)) * len(self.rows)

    def draw_bar(self, kind: str, span: tuple[float, float], speaker: str, speaking: Sequence[str]) -> str:
        (start, end), row, percent = span, self.rows[speaker], 100 / self.duration
        place = f'x="{start * percent:.3f}%" width="{max((end - start) * percent, _MIN_WIDTH):.3f}%"'
        lane, height = lane_height(len(self.rows)), _DENSE_BAR_HEIGHT if _is_dense(len(self.rows)) else _BAR_HEIGHT
        top = row * lane + (lane - height) // 2
        tooltip = self._draw_tooltip(speaking, f"{format_short(start)} to {format_short(end)}")
        return f'<rect class="{kind} {css_class(row)}" {place} y="{top}" height="{height}" rx="1">{tooltip}</rect>'

    def _draw_tooltip(self, speaking: Sequence[str], rest: str) -> str:
        names = escape(one_line(" and ".join(speaking)))
        return f"<title {tooltip_data(speaking, self.rows, rest)}>{names} {rest}</title>"


def lanes_class(speakers: int) -> str:
    """Return the CSS classes for the height of the lanes, and for whether they stay in view."""
    return "timeline" + " dense" * _is_dense(speakers) + " many" * (speakers > _MAX_STICKY_LANES)


def lane_height(speakers: int) -> int:
    """Return the height of a speaker's lane in pixels."""
    return _DENSE_LANE_HEIGHT if _is_dense(speakers) else _LANE_HEIGHT


def _is_dense(speakers: int) -> bool:
    return speakers > _MAX_HIGH_LANES


def css_class(row: int) -> str:
    """Return the CSS class of a row's colour."""
    return f"s{row % _COLOURS}"


def tooltip_data(speakers: Sequence[str], rows: Mapping[str, int], rest: str) -> str:
    """Return the attributes from which the page's script rewrites a tooltip when a speaker is renamed."""
    who = " ".join(str(rows[speaker]) for speaker in speakers)
    return f'data-who="{who}" data-rest="{rest}"'


def draw(turns: Sequence[SpeakerTurn], speakers: Sequence[str], duration: float) -> str:
    """Return the SVG of a recording of `duration` seconds."""
    lanes = _Lanes(rows={speaker: row for row, speaker in enumerate(speakers)}, duration=duration or 1.0)
    bottom, height = lanes.bottom, lanes.bottom + _AXIS_HEIGHT
    parts = [
        f'<svg role="img" aria-label="Who spoke when" height="{height}" data-duration="{lanes.duration:.3f}">',
        _HATCH,
        f'<rect width="100%" height="{height}" fill="none" pointer-events="all"/>',
        *(draw_tick(second, lanes.duration, bottom) for second in find_ticks(lanes.duration)),
        *(_draw_rail(row, lane_height(len(speakers))) for row in lanes.rows.values()),
        *(lanes.draw_bar("turn", (turn.start, turn.end), turn.speaker, [turn.speaker]) for turn in turns),
        *(_draw_overlap(lanes, overlap) for overlap in find_overlaps(turns)),
        f'<line id="playhead" y2="{bottom}"/>',
        "</svg>",
    ]
    return "\n".join(parts)


def _draw_overlap(lanes: _Lanes, overlap: Overlap) -> str:
    span, together = (overlap.start, overlap.end), overlap.speakers
    return "\n".join(lanes.draw_bar("overlap", span, speaker, together) for speaker in together)


def _draw_rail(row: int, lane: int) -> str:
    middle = row * lane + lane // 2
    return f'<line class="rail" x2="100%" y1="{middle}" y2="{middle}"/>'


def find_ticks(duration: float, most: int = _MAX_TICKS) -> range:
    """Return the seconds of the axis's ticks, `most` at most."""
    whole = int(duration)
    step = next((step for step in _STEPS if duration / step <= most), _DAY * (1 + whole // (_DAY * most)))
    return range(0, whole + 1, step)


def draw_tick(second: int, duration: float, bottom: int) -> str:
    """Return a line down to `bottom`, in pixels, with the time below it."""
    x = f"{100 * (second / duration):.3f}%"
    anchor = "start" if second == 0 else "end" if second / duration > 1 - 1 / 40 else "middle"
    line = f'<line class="tick" x1="{x}" x2="{x}" y2="{bottom + 4}"/>'
    return f'{line}<text x="{x}" y="{bottom + 18}" text-anchor="{anchor}">{format_short(second)}</text>'
