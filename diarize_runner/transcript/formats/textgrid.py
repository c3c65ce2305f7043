"""Praat's TextGrid, with interval tiers for each speaker's segments, words and turns.

    item [1]:
        class = "IntervalTier"
        name = "SPEAKER_00"
        xmin = 0
        xmax = 5.2
        intervals: size = 2
        intervals [1]:
            xmin = 0
            xmax = 2.5
            text = "Hello"

A tier has no gaps from the start to the end of the recording: intervals without speech have an empty text. Quotes in a
text are doubled. Times are in seconds. tiers.py resolves overlaps within a tier. A TextGrid must have a tier and a
length, so an empty result has one empty tier, a millisecond long.

Described in https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html.
"""

from collections.abc import Iterator

from diarize_runner.transcript.formats.clock import to_milliseconds
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.tiers import Interval, Tier, build_tiers

_HEADER = """\
File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = {end}
tiers? <exists>
size = {size}
item []:
"""


def render(document: Document) -> str:
    """Write the tiers, in Praat's long text format."""
    tiers = build_tiers(document.transcript) or (Tier(name="speech", speaker="", intervals=()),)
    ends = [interval.end for tier in tiers for interval in tier.intervals]
    end = max(to_milliseconds(document.duration), *ends, 1)
    header = _HEADER.format(end=_format_seconds(end), size=len(tiers))
    return header + "".join(_render_tier(number, tier, end) for number, tier in enumerate(tiers, start=1))


def _render_tier(number: int, tier: Tier, end: int) -> str:
    intervals = list(_fill_gaps(tier.intervals, end))
    lines = [
        f"    item [{number}]:",
        '        class = "IntervalTier"',
        f"        name = {_quote(tier.name)}",
        "        xmin = 0",
        f"        xmax = {_format_seconds(end)}",
        f"        intervals: size = {len(intervals)}",
    ]
    for index, interval in enumerate(intervals, start=1):
        lines += [
            f"        intervals [{index}]:",
            f"            xmin = {_format_seconds(interval.start)}",
            f"            xmax = {_format_seconds(interval.end)}",
            f"            text = {_quote(interval.text)}",
        ]
    return "\n".join(lines) + "\n"


def _fill_gaps(intervals: tuple[Interval, ...], end: int) -> Iterator[Interval]:
    previous_end = 0
    for interval in intervals:
        if interval.start > previous_end:
            yield Interval(start=previous_end, end=interval.start, text="")
        yield interval
        previous_end = interval.end
    if previous_end < end:
        yield Interval(start=previous_end, end=end, text="")


def _format_seconds(thousandths: int) -> str:
    return f"{thousandths / 1000:.3f}".rstrip("0").rstrip(".")


def _quote(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
