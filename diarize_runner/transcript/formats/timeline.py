"""Who spoke when, as a drawing: a lane for each speaker, hatched where others speak too, and an axis of minutes.

Positions are percentages of the width and nothing is scaled, so the drawing fits any page and its text stays sharp.
Colours are the page's: each lane is of the class `s0`, `s1`, and so on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from diarize_runner.diarization.turns import SpeakerTurn
from diarize_runner.transcript.formats.clock import brief
from diarize_runner.transcript.formats.fields import one_line
from diarize_runner.transcript.formats.overlap import Overlap, overlaps_of

LANE = 32
"""Pixels."""
_TURN = 18
_AXIS = 24
_DAY = 86400
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 36000, _DAY)
"""Seconds between ticks; beyond the last, as many days as make few ticks."""
_TICKS = 10
_NARROWEST = 0.08
"""Percent of the width: on a screen, about a pixel."""
_HATCH = (
    '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse">'
    '<path d="M-1,1 l2,-2 M0,6 l6,-6 M5,7 l2,-2"/></pattern></defs>'
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Lanes:
    rows: Mapping[str, int]
    """By speaker, from the top."""
    duration: float

    def bar(self, kind: str, start: float, end: float, speaker: str, title: str) -> str:
        row, percent = self.rows[speaker], 100 / self.duration
        place = f'x="{start * percent:.3f}%" width="{max((end - start) * percent, _NARROWEST):.3f}%"'
        top = row * LANE + (LANE - _TURN) // 2
        described = f"<title>{escape(one_line(title))} {brief(start)} to {brief(end)}</title>"
        return f'<rect class="{kind} {colour(row)}" {place} y="{top}" height="{_TURN}" rx="1">{described}</rect>'


def colour(row: int) -> str:
    """Return the class of a speaker's colour; after seven, they come again."""
    return f"s{row % 7}"


def draw(turns: Sequence[SpeakerTurn], speakers: Sequence[str], duration: float) -> str:
    """Draw the turns of a recording that lasts `duration` seconds."""
    lanes = _Lanes(rows={speaker: row for row, speaker in enumerate(speakers)}, duration=duration or 1.0)
    bottom = LANE * len(speakers)
    parts = [
        f'<svg role="img" aria-label="Who spoke when" height="{bottom + _AXIS}" data-duration="{lanes.duration:.3f}">',
        _HATCH,
        f'<rect width="100%" height="{bottom + _AXIS}" fill="none" pointer-events="all"/>',
        *(_tick(second, lanes.duration, bottom) for second in _ticks(lanes.duration)),
        *(_rail(row) for row in lanes.rows.values()),
        *(lanes.bar("turn", turn.start, turn.end, turn.speaker, turn.speaker) for turn in turns),
        *(_hatched(lanes, overlap) for overlap in overlaps_of(turns)),
        f'<line id="playhead" y2="{bottom}"/>',
        "</svg>",
    ]
    return "\n".join(parts)


def _hatched(lanes: _Lanes, overlap: Overlap) -> str:
    together = " and ".join(overlap.speakers)
    bars = (lanes.bar("overlap", overlap.start, overlap.end, speaker, together) for speaker in overlap.speakers)
    return "\n".join(bars)


def _rail(row: int) -> str:
    middle = row * LANE + LANE // 2
    return f'<line class="rail" x2="100%" y1="{middle}" y2="{middle}"/>'


def _ticks(duration: float) -> range:
    whole = int(duration)
    step = next((step for step in _STEPS if duration / step <= _TICKS), _DAY * (1 + whole // (_DAY * _TICKS)))
    return range(0, whole + 1, step)


def _tick(second: int, duration: float, bottom: int) -> str:
    x = f"{100 * (second / duration):.3f}%"
    anchor = "start" if second == 0 else "end" if second / duration > 1 - 1 / 40 else "middle"
    line = f'<line class="tick" x1="{x}" x2="{x}" y2="{bottom + 4}"/>'
    return f'{line}<text x="{x}" y="{bottom + 18}" text-anchor="{anchor}">{brief(second)}</text>'
