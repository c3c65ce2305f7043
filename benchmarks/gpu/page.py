"""Render a report as one self-contained HTML file, in the style of the product's benchmark pages."""

from collections.abc import Iterator

from matplotlib.axes import Axes

from benchmarks.gpu.clocks import Clocks
from benchmarks.gpu.plan import Step
from benchmarks.gpu.report import Measured, Report, median_call
from diarize_runner.benchmark.formats.figures import (
    NOT_MEASURED,
    format_bool,
    format_duration,
    format_megabytes,
    format_seconds,
)
from diarize_runner.benchmark.formats.page import render_page
from diarize_runner.benchmark.formats.plots import COLOURS, draw_svg
from diarize_runner.benchmark.formats.table import Table
from diarize_runner.diarization.engines import EXACT, FAST, STOCK, Engine

_ENGINES: tuple[Engine, ...] = (STOCK, EXACT, FAST)
_STAGES = ("segmentation", "embedding", "clustering", "reconstruction")


def render(report: Report) -> str:
    """Render the report."""
    return render_page(
        f"Stock, exact and fast on {report.device}",
        _speed(report),
        _heading(report),
        {"Stages of a call": _stage_bars(report)},
        [
            table
            for table in (_stages(report), _sweep(report), _probes(report), _clocks(report), _skipped(report))
            if table.rows
        ],
    )


def _heading(report: Report) -> Iterator[str]:
    host = report.environment
    packages = ", ".join(f"{name} {version}" for name, version in host.packages.items())
    used = f"{report.used_seconds:.0f} of {report.budget_seconds:.0f} s"
    yield f"{report.date}: {used}, {report.setup_seconds:.0f} s of them to start."
    yield f"{host.cpu_count} cores of {host.cpu}, {host.threads} threads, {host.system}."
    if host.gpu:
        yield f"{host.gpu.name}, driver {host.gpu.driver}, {host.gpu.memory_mib} MiB."
    yield f"Python {host.python}, {packages}."
    yield "The models are a twin of community-1: its layers, with random weights in the embedding. Times are medians."
    yield from (f"Clocks are unknown: {problem}" for problem in report.problems)


def _medians(report: Report) -> Iterator[Measured]:
    """Yield the median call of each engine on each recording, with its own batch size."""
    for duration in report.durations:
        for engine in _ENGINES:
            if calls := report.calls(engine, duration):
                yield median_call(calls)


def _swept(report: Report) -> Iterator[Measured]:
    steps = dict.fromkeys(each.step for each in report.measured if each.step.batch_size is not None)
    for step in steps:
        yield median_call(report.calls(step.engine, step.audio_seconds, step.batch_size))


def _speed(report: Report) -> Table:
    headings = ("recording", "engine", "calls", "time", "times real time", "speed-up over stock")
    more = ("same RTTM as stock", "peak VRAM", "reserved", "speakers")
    return Table(
        title="Speed",
        headings=(*headings, *more),
        rows=tuple(_speed_row(report, each) for each in _medians(report)),
        note="The RTTM is the same if it is equal byte for byte in all calls; fast does not promise that.",
    )


def _speed_row(report: Report, call: Measured) -> tuple[str, ...]:
    engine, seconds = call.step.engine, call.step.audio_seconds
    stock = report.calls(STOCK, seconds)
    return (
        format_duration(seconds),
        engine,
        str(len(report.calls(engine, seconds))),
        format_seconds(call.seconds),
        f"{call.times_real_time:,.{0 if call.times_real_time >= 10 else 1}f}",  # noqa: PLR2004
        f"{median_call(stock).seconds / call.seconds:.1f}" if stock else NOT_MEASURED,
        format_bool(report.same(seconds)) if engine == EXACT else "",
        format_megabytes(call.memory.torch_allocated),
        format_megabytes(call.memory.torch_reserved),
        str(call.speakers),
    )


def _stages(report: Report) -> Table:
    rows = tuple(
        (
            format_duration(each.step.audio_seconds),
            each.step.engine,
            *(format_seconds(_stage(each, name)) for name in _STAGES),
        )
        for each in _medians(report)
    )
    return Table(title="Stages", headings=("recording", "engine", *_STAGES), rows=rows)


def _sweep(report: Report) -> Table:
    headings = ("engine", "batch size", "recording", "time", "embedding", "peak VRAM", "reserved")
    rows = tuple(
        (
            each.step.engine,
            str(each.step.batch_size),
            format_duration(each.step.audio_seconds),
            format_seconds(each.seconds),
            format_seconds(each.stages.embedding),
            format_megabytes(each.memory.torch_allocated),
            format_megabytes(each.memory.torch_reserved),
        )
        for each in _swept(report)
    )
    note = "Exact embeds every chunk of 10 s; fast embeds those that do not overlap."
    return Table(title="Batch sizes of the embedding", headings=headings, rows=rows, note=note)


def _probes(report: Report) -> Table:
    rows = tuple((each.name, format_seconds(each.seconds), each.problem) for each in report.probes)
    note = "Medians of 5. The fast engine copies from pageable memory, and uses neither of the other two ways."
    return Table(title="One batch of the fast engine", headings=("way", "time", "problem"), rows=rows, note=note)


def _clocks(report: Report) -> Table:
    headings = ("step", "SM clock, MHz", "highest possible", "hottest", "highest power", "throttled by", "samples")
    rows = tuple((_name(each.step), *_clock_cells(each.clocks)) for each in report.measured if each.clocks)
    return Table(title="Clocks", headings=headings, rows=rows)


def _clock_cells(clocks: Clocks) -> tuple[str, ...]:
    lowest_highest = clocks.sm_clock_mhz
    return (
        f"{lowest_highest[0]:.0f} to {lowest_highest[1]:.0f}" if lowest_highest else NOT_MEASURED,
        _with_unit(clocks.max_sm_clock_mhz, "MHz"),
        _with_unit(clocks.celsius, "°C"),
        _with_unit(clocks.watts, "W"),
        ", ".join(clocks.throttled) or "nothing",
        str(clocks.samples),
    )


def _skipped(report: Report) -> Table:
    rows = tuple((_name(each.step), each.reason) for each in report.skipped)
    return Table(title="Not measured", headings=("step", "reason"), rows=rows)


def _stage_bars(report: Report) -> str:
    """Plot the seconds of each stage per minute of audio."""
    calls = [each for each in _medians(report) if each.stages.measured]

    def draw(axes: Axes) -> None:
        lefts = [0.0] * len(calls)
        for stage, colour in zip(_STAGES, COLOURS, strict=True):
            widths = [60 * (_stage(each, stage) or 0.0) / each.step.audio_seconds for each in calls]
            axes.barh(range(len(calls)), widths, left=lefts, color=colour, label=stage, height=0.7)
            lefts = [left + width for left, width in zip(lefts, widths, strict=True)]
        axes.set_yticks(range(len(calls)), [_name(each.step) for each in calls])
        axes.invert_yaxis()
        axes.set_xlabel("seconds per minute of audio (lower is better)")
        axes.legend(frameon=False, ncols=len(_STAGES), loc="lower center", bbox_to_anchor=(0.5, 1.0))

    return draw_svg(draw, height=1.4 + 0.4 * len(calls)) if calls else ""


def _stage(call: Measured, stage: str) -> float | None:
    return call.stages.measured.get(stage)


def _name(step: Step) -> str:
    batch = f", batches of {step.batch_size}" if step.batch_size else ""
    return f"{format_duration(step.audio_seconds)}, {step.engine}{batch}"


def _with_unit(value: float | None, unit: str) -> str:
    return NOT_MEASURED if value is None else f"{value:.0f} {unit}"
