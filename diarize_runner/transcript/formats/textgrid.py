"""Praat's TextGrid, with tiers of intervals: what each speaker said, the words, the turns.

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

A tier is without gaps from the start to the end of the recording: where nothing is said, the text is empty. A quote in
a text is doubled. Times are in seconds. Where texts of one speaker overlap, see tiers.py. A TextGrid must have a tier
and a length: where nothing is known there is one empty tier, a millisecond long.

Described in https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html.
"""

from collections.abc import Iterator

from diarize_runner.transcript.formats.clock import milliseconds
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.tiers import Interval, Tier, tiers_of

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
    tiers = tiers_of(document.transcript) or (Tier(name="speech", speaker="", intervals=()),)
    ends = [interval.end for tier in tiers for interval in tier.intervals]
    end = max(milliseconds(document.duration), *ends, 1)
    header = _HEADER.format(end=_seconds(end), size=len(tiers))
    return header + "".join(_tier(number, tier, end) for number, tier in enumerate(tiers, start=1))


def _tier(number: int, tier: Tier, end: int) -> str:
    intervals = list(_without_gaps(tier.intervals, end))
    lines = [
        f"    item [{number}]:",
        '        class = "IntervalTier"',
        f"        name = {_quoted(tier.name)}",
        "        xmin = 0",
        f"        xmax = {_seconds(end)}",
        f"        intervals: size = {len(intervals)}",
    ]
    for index, interval in enumerate(intervals, start=1):
        lines += [
            f"        intervals [{index}]:",
            f"            xmin = {_seconds(interval.start)}",
            f"            xmax = {_seconds(interval.end)}",
            f"            text = {_quoted(interval.text)}",
        ]
    return "\n".join(lines) + "\n"


def _without_gaps(intervals: tuple[Interval, ...], end: int) -> Iterator[Interval]:
    reached = 0
    for interval in intervals:
        if interval.start > reached:
            yield Interval(start=reached, end=interval.start, text="")
        yield interval
        reached = interval.end
    if reached < end:
        yield Interval(start=reached, end=end, text="")


def _seconds(thousandths: int) -> str:
    return f"{thousandths / 1000:.3f}".rstrip("0").rstrip(".")


def _quoted(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
