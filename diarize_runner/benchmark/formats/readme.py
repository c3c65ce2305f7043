"""Regenerate the figures of a document from benchmark reports.

    <!-- benchmark docs/benchmarks/some-report.json -->
    | recording | ...
    <!-- end of benchmark -->

`refresh_tables` replaces the text between the two lines with a table of the report, whose path is relative to the
document's folder. With `accuracy` instead of `benchmark` in both lines, it inserts the pooled error rates, with
`engines` these and the total time of each engine, with `projection` the T4 projection.
"""

import re
from dataclasses import replace
from pathlib import Path

from diarize_runner.benchmark.accuracy import pool
from diarize_runner.benchmark.alignment import KINDS
from diarize_runner.benchmark.formats import transcription_tables
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
    r"(?P<first><!-- (?P<kind>accuracy|benchmark|engines|projection) (?P<path>\S+) -->\n)"
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


def engines_table(report: BenchmarkReport) -> Table:
    """Return a row for each engine, with its errors and its time over all recordings."""
    first = report.series[0]
    recordings = f"Recordings: {len(first.measurements)}, {format_duration(first.audio_seconds)} in all"
    scoring = "DER: all errors / all speech, at collar 0, overlap scored. Processing: the sum of the medians."
    return Table(
        title="",
        headings=(
            *("engine", "DER", *KINDS, "JER", "right speaker counts", "sum of count errors"),
            *("processing", "RTF"),
        ),
        rows=tuple((series.engine, *_errors(series), *_time(series)) for series in report.series),
        note=f"{recordings}. {scoring} {_machine(report)}",
    )


def summary_table(report: BenchmarkReport) -> Table:
    """Return a table with the key figures of each recording and engine."""
    by_recording = {(each.engine, each.device, each.uri): f"{each.median:.1f}" for each in speedups(report)}
    speedup_heading = ("speed-up over stock",) if by_recording else ()
    transcribed = transcription_tables.transcribes(report)
    word_headings = transcription_tables.HEADINGS if transcribed else ()
    rows = [
        (
            *_row(series, measured),
            *(transcription_tables.figures(measured) if transcribed else ()),
            *((by_recording.get((series.engine, series.device, measured.uri), ""),) if by_recording else ()),
        )
        for series in report.series
        for measured in series.measurements
    ]
    common = ("recording", "audio", "engine", "processing (median)", "RTF", "speakers", "DER")
    sentences = (_machine(report), transcription_tables.transcribers(report), _comparison_with_stock(report))
    return Table(
        title="",
        headings=(*common, *word_headings, *speedup_heading),
        rows=tuple(rows),
        note=" ".join(filter(None, sentences)),
    )


def _machine(report: BenchmarkReport) -> str:
    host, cache = report.environment, report.cache.partition(" sha256:")[0]
    devices = ", ".join(dict.fromkeys(series.device for series in report.series))
    return f"On {devices}: {host.cpu_count} cores of {host.cpu}; cache {cache}; {format_day(report.date)}."


def _comparison_with_stock(report: BenchmarkReport) -> str:
    equal = [measured.same_as_stock for series in report.series for measured in series.measurements]
    if True not in equal and False not in equal:
        return ""
    return "Some outputs differ from stock's." if False in equal else "Every output equals stock's, byte for byte."


def _errors(series: Series) -> tuple[str, ...]:
    accuracy = pool(series)
    if accuracy is None:
        return ("no reference", *[""] * (len(KINDS) + 3))
    rates = (accuracy.der, accuracy.missed, accuracy.false_alarm, accuracy.confusion, accuracy.jer)
    counts = f"{accuracy.right_counts} of {accuracy.recordings}", str(accuracy.count_error)
    return (*map(format_percent, rates), *counts)


def _time(series: Series) -> tuple[str, str]:
    return format_seconds(series.median_seconds), f"{series.real_time_factor:.3f}"


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
    "engines": lambda report: render_table(engines_table(report)),
    "projection": projection_paragraph,
}
