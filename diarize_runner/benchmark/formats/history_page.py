"""Reports of several hosts over time, as one HTML file: a plot for each host, RTF by length of the recording."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle

from matplotlib.axes import Axes

from diarize_runner.benchmark.formats import page
from diarize_runner.benchmark.formats.history import table
from diarize_runner.benchmark.formats.plots import COLOURS, svg_of
from diarize_runner.benchmark.formats.words import length
from diarize_runner.benchmark.history import history
from diarize_runner.benchmark.published import moment
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.transcript.formats.fields import one_line

_MARKERS = "os^Dv*PX"
_MARGIN = timedelta(hours=12)
"""Around what is drawn, at the least: matplotlib gives a single moment four years."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class _Line:
    """What one line of a plot is of; in order, the shortest recording is first."""

    audio_seconds: float
    uri: str
    subject: str
    """An engine on a device."""

    def __str__(self) -> str:
        return one_line(f"{length(self.audio_seconds)}: {self.uri}, {self.subject}")


_Points = Sequence[tuple[datetime, float]]
"""RTF at a moment."""
_Look = tuple[str, str]
"""A colour and a marker."""


def render(reports: Sequence[tuple[str, BenchmarkReport]]) -> str:
    """Return the page of these reports, each with its host."""
    by_host: dict[str, list[BenchmarkReport]] = defaultdict(list)
    for host, report in sorted(reports, key=lambda pair: pair[0]):
        by_host[host].append(report)
    lines = {host: _lines(of_host) for host, of_host in by_host.items()}
    looks = _looks(line for of_host in lines.values() for line in of_host)
    undated = sum(moment(report.date) is None for _, report in reports)
    left_out = (f"Without a date, and so in no plot: {undated}.",) if undated else ()
    return page.laid_out(
        "Benchmarks over time",
        (
            f"Reports: {len(reports)}. Hosts: {len(by_host)}.",
            "RTF is processing time / audio duration: lower is better. Times are UTC.",
            *left_out,
        ),
        {host: _plot(of_host, looks) for host, of_host in lines.items()},
        [table(history(reports))],
    )


def _lines(reports: Iterable[BenchmarkReport]) -> Mapping[_Line, _Points]:
    """Return a line for each recording and engine, each in order of time."""
    points: dict[_Line, list[tuple[datetime, float]]] = defaultdict(list)
    for report in reports:
        if when := moment(report.date):
            for series in report.series:
                subject = f"{series.engine} on {series.device}"
                for measured in series.measurements:
                    line = _Line(audio_seconds=measured.audio_seconds, uri=measured.uri, subject=subject)
                    points[line].append((when, measured.real_time_factor))
    return {line: sorted(points[line]) for line in sorted(points)}


def _looks(lines: Iterable[_Line]) -> Mapping[_Line, _Look]:
    """Give each engine a colour and each recording a marker, the same in every plot."""
    known = sorted(set(lines))
    colours = dict(zip(dict.fromkeys(sorted(line.subject for line in known)), cycle(COLOURS), strict=False))
    markers = dict(zip(dict.fromkeys((line.audio_seconds, line.uri) for line in known), cycle(_MARKERS), strict=False))
    return {line: (colours[line.subject], markers[line.audio_seconds, line.uri]) for line in known}


def _plot(lines: Mapping[_Line, _Points], looks: Mapping[_Line, _Look]) -> str:
    moments = [when for points in lines.values() for when, _ in points]

    def draw(axes: Axes) -> None:
        for line, points in lines.items():
            colour, marker = looks[line]
            whens, factors = zip(*points, strict=True)
            axes.plot(whens, factors, label=str(line), color=colour, marker=marker, linewidth=1)
        margin = max(_MARGIN, (max(moments) - min(moments)) / 25)
        axes.set_xlim(min(moments) - margin, max(moments) + margin)  # type: ignore[arg-type]  # it takes dates, too
        axes.set_ylim(bottom=0)
        axes.set_ylabel("RTF (lower is better)")
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(0, -0.12))

    return svg_of(draw, height=3.0 + 0.2 * len(lines)) if lines else ""
