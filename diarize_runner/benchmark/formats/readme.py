"""Figures in a document that come from committed reports: nobody types one.

    <!-- benchmark docs/benchmarks/some-report.json -->
    | recording | ...
    <!-- end of benchmark -->

What stands between the two lines is what `refreshed` makes of the report, whose path is from the document's folder: a
table, or with `projection` for `benchmark` in both lines, what a T4 would take.
"""

import re
from pathlib import Path

from diarize_runner.benchmark.formats.markdown import rendered
from diarize_runner.benchmark.formats.projected import paragraph
from diarize_runner.benchmark.formats.tables import Table
from diarize_runner.benchmark.formats.words import day, length, seconds, share
from diarize_runner.benchmark.measurement import Measurement, Series
from diarize_runner.benchmark.ratios import ratios
from diarize_runner.benchmark.reading import read_report
from diarize_runner.benchmark.report import BenchmarkReport

_BLOCK = re.compile(
    r"(?P<first><!-- (?P<kind>benchmark|projection) (?P<path>\S+) -->\n).*?(?P<last>^<!-- end of (?P=kind) -->$)",
    re.DOTALL | re.MULTILINE,
)


def refreshed(document: str, folder: Path) -> str:
    """Return the document with its figures made anew; raises as `read_report` and `project_to_t4` do."""

    def made_anew(block: re.Match[str]) -> str:
        report = read_report(folder / block["path"])
        made = paragraph(report) if block["kind"] == "projection" else rendered(brief(report))
        return f"{block['first']}{made}\n{block['last']}"

    return _BLOCK.sub(made_anew, document)


def brief(report: BenchmarkReport) -> Table:
    """Return the one table that says most."""
    sooner = {(each.engine, each.device, each.uri): f"{each.median:.1f}" for each in ratios(report)}
    against = ("times sooner than stock",) if sooner else ()
    rows = [
        (
            *_row(series, measured),
            *((sooner.get((series.engine, series.device, measured.uri), ""),) if sooner else ()),
        )
        for series in report.series
        for measured in series.measurements
    ]
    host = report.environment
    devices = ", ".join(dict.fromkeys(series.device for series in report.series))
    headings = ("recording", "audio", "engine", "processing (median)", "RTF", "speakers", "DER", *against)
    cache = report.cache.partition(" sha256:")[0]
    note = f"On {devices}: {host.cpu_count} cores of {host.cpu}; cache {cache}; {day(report.date)}.{_sameness(report)}"
    return Table(title="", headings=headings, rows=tuple(rows), note=note)


def _sameness(report: BenchmarkReport) -> str:
    said = [measured.same_as_stock for series in report.series for measured in series.measurements]
    if True not in said and False not in said:
        return ""
    return " Not every output is stock's." if False in said else " Every output is stock's, byte for byte."


def _row(series: Series, measured: Measurement) -> tuple[str, ...]:
    score = measured.score
    return (
        measured.uri,
        length(measured.audio_seconds),
        series.engine,
        seconds(measured.median_seconds),
        f"{measured.real_time_factor:.3f}",
        f"{measured.speakers} of {score.speakers}" if score else str(measured.speakers),
        share(score.der) if score else "no reference",
    )
