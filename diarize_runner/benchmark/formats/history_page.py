"""Reports of several hosts over time, as one HTML file: a plot of RTF for each host, a line for each recording."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle

from matplotlib.axes import Axes

from diarize_runner.benchmark.formats import page
from diarize_runner.benchmark.formats.figures import format_duration
from diarize_runner.benchmark.formats.history import history_table
from diarize_runner.benchmark.formats.plots import COLOURS, draw_svg
from diarize_runner.benchmark.history import build_history
from diarize_runner.benchmark.published import parse_utc
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.transcript.formats.fields import one_line

_MARKERS = "os^Dv*PX"
_MARGIN = timedelta(hours=12)
"""Minimum margin of the time axis: for a single point, matplotlib's default is four years."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class _Line:
    """A line of a plot; sorts by duration, shortest first."""

    audio_seconds: float
    uri: str
    series: str
    """Engine and device."""

    def __str__(self) -> str:
        return one_line(f"{format_duration(self.audio_seconds)}: {self.uri}, {self.series}")


_Points = Sequence[tuple[datetime, float]]
"""(time, RTF) pairs."""
_LineStyle = tuple[str, str]
"""Colour and marker."""


def render(reports: Sequence[tuple[str, BenchmarkReport]]) -> str:
    """Render (host, report) pairs as one page."""
    by_host: dict[str, list[BenchmarkReport]] = defaultdict(list)
    for host, report in sorted(reports, key=lambda pair: pair[0]):
        by_host[host].append(report)
    lines = {host: _lines(host_reports) for host, host_reports in by_host.items()}
    styles = _line_styles(line for host_lines in lines.values() for line in host_lines)
    undated = sum(parse_utc(report.date) is None for _, report in reports)
    omitted = (f"Not plotted, because they have no valid date: {undated}.",) if undated else ()
    return page.render_page(
        "Benchmarks over time",
        history_table(build_history(reports)),
        (
            f"Reports: {len(reports)}. Hosts: {len(by_host)}.",
            "RTF is processing time / audio duration: lower is better. Times are UTC.",
            *omitted,
        ),
        {host: _plot(host_lines, styles) for host, host_lines in lines.items()},
        (),
    )


def _lines(reports: Iterable[BenchmarkReport]) -> Mapping[_Line, _Points]:
    """Return a line for each recording and engine, its points sorted by time."""
    points: dict[_Line, list[tuple[datetime, float]]] = defaultdict(list)
    for report in reports:
        if when := parse_utc(report.date):
            for series in report.series:
                name = f"{series.engine} on {series.device}"
                for measured in series.measurements:
                    line = _Line(audio_seconds=measured.audio_seconds, uri=measured.uri, series=name)
                    points[line].append((when, measured.real_time_factor))
    return {line: sorted(points[line]) for line in sorted(points)}


def _line_styles(lines: Iterable[_Line]) -> Mapping[_Line, _LineStyle]:
    """Assign a colour to each engine and a marker to each recording, for all plots."""
    unique = sorted(set(lines))
    colours = dict(zip(dict.fromkeys(sorted(line.series for line in unique)), cycle(COLOURS), strict=False))
    markers = dict(zip(dict.fromkeys((line.audio_seconds, line.uri) for line in unique), cycle(_MARKERS), strict=False))
    return {line: (colours[line.series], markers[line.audio_seconds, line.uri]) for line in unique}


def _plot(lines: Mapping[_Line, _Points], styles: Mapping[_Line, _LineStyle]) -> str:
    times = [time for points in lines.values() for time, _ in points]

    def draw(axes: Axes) -> None:
        for line, points in lines.items():
            colour, marker = styles[line]
            xs, ys = zip(*points, strict=True)
            axes.plot(xs, ys, label=str(line), color=colour, marker=marker, linewidth=1)
        margin = max(_MARGIN, (max(times) - min(times)) / 25)
        axes.set_xlim(min(times) - margin, max(times) + margin)  # type: ignore[arg-type]  # takes dates too
        axes.set_ylim(bottom=0)
        axes.set_ylabel("RTF (lower is better)")
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(0, -0.12))

    return draw_svg(draw, height=3.0 + 0.2 * len(lines)) if lines else ""
