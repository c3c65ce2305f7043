"""The summary of a benchmark on the terminal."""

from typing import TYPE_CHECKING

from diarize_runner.benchmark.measurement import Measurement, Series
from diarize_runner.benchmark.report import BenchmarkReport

if TYPE_CHECKING:
    from rich.table import Table


def summary(report: BenchmarkReport) -> "Table":
    """Return a table with a row for each recording and engine."""
    from rich.table import Table

    host = report.environment
    devices = ", ".join(dict.fromkeys(series.device for series in report.series))
    title = f"{devices}: {host.cpu}, {host.threads} threads, workload {report.workload}"
    table = Table(title=title, title_justify="left")
    for heading in ("recording", "engine", "audio", "processing (median)", "RTF", "speakers", "DER"):
        table.add_column(heading, justify="left" if heading in ("recording", "engine") else "right")
    for series in report.series:
        for measurement in series.measurements:
            table.add_row(*_row(series, measurement))
    return table


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
