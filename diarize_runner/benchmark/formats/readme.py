"""Regenerate the figures of a document from benchmark reports.

    <!-- benchmark docs/benchmarks/some-report.json -->
    | recording | ...
    <!-- end of benchmark -->

`refresh_tables` replaces the text between the two lines with a table of the report, whose path is relative to the
document's folder. With `accuracy` instead of `benchmark` in both lines, it inserts the pooled error rates, with
`projection` the T4 projection.
"""

import re
from dataclasses import replace
from pathlib import Path

from diarize_runner.benchmark.formats.accuracy_tables import accuracy_table
from diarize_runner.benchmark.formats.figures import format_day, format_duration, format_percent, format_seconds
from diarize_runner.benchmark.formats.markdown import render_table
from diarize_runner.benchmark.formats.projection import projection_paragraph
from diarize_runner.benchmark.formats.table import Table
from diarize_runner.benchmark.measurement import Measurement, Series
from diarize_runner.benchmark.reading import read_report
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.benchmark.speedup import speedups

_BLOCK = re.compile(
    r"(?P<first><!-- (?P<kind>accuracy|benchmark|projection) (?P<path>\S+) -->\n)"
    r".*?(?P<last>^<!-- end of (?P=kind) -->$)",
    re.DOTALL | re.MULTILINE,
)


def refresh_tables(document: str, folder: Path) -> str:
    """Return the document with regenerated figures; raise what `read_report` and `project_to_t4` raise."""

    def regenerate(block: re.Match[str]) -> str:
        report = read_report(folder / block["path"])
        return f"{block['first']}{_TEXTS[block['kind']](report)}\n{block['last']}"

    return _BLOCK.sub(regenerate, document)


def pooled_table(report: BenchmarkReport) -> Table:
    """Return the pooled error rates of each engine, with the machine and the cache."""
    return replace(accuracy_table(report), note=_machine(report))


def summary_table(report: BenchmarkReport) -> Table:
    """Return a table with the key figures of each recording and engine."""
    by_recording = {(each.engine, each.device, each.uri): f"{each.median:.1f}" for each in speedups(report)}
    speedup_heading = ("speed-up over stock",) if by_recording else ()
    rows = [
        (
            *_row(series, measured),
            *((by_recording.get((series.engine, series.device, measured.uri), ""),) if by_recording else ()),
        )
        for series in report.series
        for measured in series.measurements
    ]
    headings = ("recording", "audio", "engine", "processing (median)", "RTF", "speakers", "DER", *speedup_heading)
    return Table(title="", headings=headings, rows=tuple(rows), note=_machine(report) + _comparison_with_stock(report))


def _machine(report: BenchmarkReport) -> str:
    host, cache = report.environment, report.cache.partition(" sha256:")[0]
    devices = ", ".join(dict.fromkeys(series.device for series in report.series))
    return f"On {devices}: {host.cpu_count} cores of {host.cpu}; cache {cache}; {format_day(report.date)}."


def _comparison_with_stock(report: BenchmarkReport) -> str:
    equal = [measured.same_as_stock for series in report.series for measured in series.measurements]
    if True not in equal and False not in equal:
        return ""
    return " Some outputs differ from stock's." if False in equal else " Every output equals stock's, byte for byte."


def _row(series: Series, measured: Measurement) -> tuple[str, ...]:
    score = measured.score
    return (
        measured.uri,
        format_duration(measured.audio_seconds),
        series.engine,
        format_seconds(measured.median_seconds),
        f"{measured.real_time_factor:.3f}",
        f"{measured.counted_speakers} of {score.speakers}" if score else str(measured.speakers),
        format_percent(score.der) if score else "no reference",
    )


_TEXTS = {
    "accuracy": lambda report: render_table(pooled_table(report)),
    "benchmark": lambda report: render_table(summary_table(report)),
    "projection": projection_paragraph,
}
