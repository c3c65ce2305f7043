"""Draw a report's plots as inline SVG. matplotlib is a dependency of pyannote.audio."""

import io
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from diarize_runner.benchmark.formats.figures import format_duration
from diarize_runner.benchmark.measurement import Measurement, Series
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.transcript.formats.fields import one_line

_INK, _LINE = "#010203", "#010204"
_STYLE: Any = {
    "svg.fonttype": "none",  # text in the page's font, not paths
    "svg.hashsalt": "diarize-runner",  # reproducible bytes
    "font.size": 10,
    "text.parse_math": False,  # a recording's name may contain $
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _LINE,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _INK),
    "date.converter": "concise",
}
COLOURS = ("#010205", "#010206", "#010207", "#010208")
_VARIABLES = {_INK: "var(--ink)", _LINE: "var(--line)"} | {each: f"var(--plot-{at})" for at, each in enumerate(COLOURS)}
"""Variables of the page's style sheet, for the light and the dark scheme; matplotlib takes no variables."""
_STAGES = ("segmentation", "embedding", "clustering", "reconstruction")


def real_time_factor(report: BenchmarkReport) -> str:
    """Plot RTF by duration, with the range of the calls."""

    def draw(axes: Axes) -> None:
        for series, colour in zip(report.series, COLOURS * len(report.series), strict=False):
            measured = sorted(series.measurements, key=lambda each: each.audio_seconds)
            lowest = [each.real_time_factor - min(each.processing_seconds) / each.audio_seconds for each in measured]
            highest = [max(each.processing_seconds) / each.audio_seconds - each.real_time_factor for each in measured]
            axes.errorbar(
                [each.audio_seconds for each in measured],
                [each.real_time_factor for each in measured],
                yerr=[lowest, highest],
                label=_name(series),
                color=colour,
                marker="o",
                capsize=3,
            )
        durations = sorted({each.audio_seconds for series in report.series for each in series.measurements})
        axes.set_xscale("log")
        axes.set_xticks(durations, [format_duration(each) for each in durations])
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
        axes.set_xlabel("duration of the recording")
        axes.set_ylabel("RTF (lower is better)")
        axes.legend(frameon=False)

    return draw_svg(draw, height=3.4)


def stage_bars(report: BenchmarkReport) -> str:
    """Plot the share of each stage in a call."""
    rows = [(series, each) for series in report.series for each in series.measurements if each.stages.measured]

    def draw(axes: Axes) -> None:
        lefts = [0.0] * len(rows)
        for stage, colour in zip(_STAGES, COLOURS, strict=True):
            widths = [_share(measured, stage) for _, measured in rows]
            axes.barh(range(len(rows)), widths, left=lefts, color=colour, label=stage, height=0.7)
            lefts = [left + width for left, width in zip(lefts, widths, strict=True)]
        axes.set_yticks(range(len(rows)), [one_line(f"{measured.uri}, {series.engine}") for series, measured in rows])
        axes.invert_yaxis()
        axes.set_xlim(0, 100)
        axes.set_xlabel("% of the diarization call")
        axes.legend(frameon=False, ncols=len(_STAGES), loc="lower center", bbox_to_anchor=(0.5, 1.0))

    return draw_svg(draw, height=1.4 + 0.4 * len(rows)) if rows else ""


def memory_over_time(report: BenchmarkReport) -> str:
    """Plot the RSS of each engine's process during its longest recording."""
    longest = [max(series.measurements, key=lambda each: each.audio_seconds) for series in report.series]
    pairs = [(series, each) for series, each in zip(report.series, longest, strict=True) if each.memory_over_time]

    def draw(axes: Axes) -> None:
        for (series, measured), colour in zip(pairs, COLOURS * len(pairs), strict=False):
            seconds = [sample.seconds for sample in measured.memory_over_time]
            megabytes = [sample.rss / 1e6 for sample in measured.memory_over_time]
            axes.plot(seconds, megabytes, color=colour, label=one_line(f"{measured.uri}, {_name(series)}"))
        axes.set_ylim(bottom=0)
        axes.set_xlabel("seconds since the start of the call")
        axes.set_ylabel("resident memory (MB)")
        axes.legend(frameon=False)

    return draw_svg(draw, height=3.0) if pairs else ""


def _share(measured: Measurement, stage: str) -> float:
    seconds: float | None = getattr(measured.stages, stage)
    return 100 * (seconds or 0.0) / measured.median_seconds


def _name(series: Series) -> str:
    return one_line(f"{series.engine} on {series.device}")


def draw_svg(draw: Callable[[Axes], None], *, height: float) -> str:
    """Return the SVG that `draw` plots on axes of this height, in inches."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(8, height), layout="constrained")
        draw(figure.add_subplot())
        target = io.StringIO()
        figure.savefig(target, format="svg", metadata={"Date": None}, transparent=True)
    svg = target.getvalue()
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(f": {colour}", f": {variable}")
    return svg[svg.index("<svg") :]
