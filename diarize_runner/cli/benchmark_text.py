"""The summary of a benchmark on the terminal."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from diarize_runner.benchmark.accuracy import INTERVAL, pool
from diarize_runner.benchmark.alignment import CONFUSION, FALSE_ALARM, MISSED
from diarize_runner.benchmark.formats import transcription_tables
from diarize_runner.benchmark.formats.accuracy_tables import format_interval
from diarize_runner.benchmark.formats.figures import format_percent
from diarize_runner.benchmark.measurement import Measurement, Series
from diarize_runner.benchmark.report import BenchmarkReport

if TYPE_CHECKING:
    from rich.table import Table


def summary(report: BenchmarkReport) -> "Table":
    """Return a table with a row for each recording and engine, and below it the accuracy of each engine."""
    from rich.table import Table

    from diarize_runner.cli.terminal import caption

    host = report.environment
    devices = ", ".join(dict.fromkeys(series.device for series in report.series))
    title = f"{devices}: {host.cpu}, {host.threads} threads, workload {report.workload}"
    table = Table(title=title, title_justify="left")
    for heading in ("recording", "engine", "audio", "processing (median)", "RTF", "speakers", "DER"):
        table.add_column(heading, justify="left" if heading in ("recording", "engine") else "right")
    for series in report.series:
        for measurement in series.measurements:
            table.add_row(*_row(series, measurement))
    transcribed = [transcription_tables.transcribers(report), *transcription_tables.transcription_lines(report)]
    if lines := [*_accuracy_lines(report), *filter(None, transcribed)]:
        table.caption, table.caption_justify = caption(lines), "left"
    return table


def _accuracy_lines(report: BenchmarkReport) -> Iterator[str]:
    for series in report.series:
        if accuracy := pool(series):
            rates = {MISSED: accuracy.missed, FALSE_ALARM: accuracy.false_alarm, CONFUSION: accuracy.confusion}
            errors = ", ".join(f"{kind} {format_percent(rate)}" for kind, rate in rates.items())
            yield f"{series.engine}: DER {format_percent(accuracy.der)} ({errors}), JER {format_percent(accuracy.jer)}"
            yield (
                f"{series.engine}: {100 * INTERVAL:.0f} % interval of DER {format_interval(accuracy)}, "
                f"right speaker counts {accuracy.right_counts} of {accuracy.recordings}"
            )


def _row(series: Series, measurement: Measurement) -> tuple[str, ...]:
    score = measurement.score
    return (
        measurement.uri,
        series.engine,
        f"{measurement.audio_seconds:.1f} s",
        f"{measurement.median_seconds:.2f} s",
        f"{measurement.real_time_factor:.3f}",
        f"{measurement.counted_speakers} of {score.speakers}" if score else str(measurement.speakers),
        f"{100 * score.der:.1f} %" if score else "no reference",
    )
