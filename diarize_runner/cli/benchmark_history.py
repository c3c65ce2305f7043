"""`diarize-runner benchmark history`: show the reports of hosts over time."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.benchmark.formats.history import history_table
from diarize_runner.benchmark.history import Entry, build_history, reports_in
from diarize_runner.benchmark.published import published_reports
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.cli.output import Result
from diarize_runner.errors import DiskError, UsageError
from diarize_runner.jobs.output_file import require_writable, write_output
from diarize_runner.progress import Progress
from diarize_runner.store.address import open_listable_store

if TYPE_CHECKING:
    from rich.table import Table

_MAX_BAR_WIDTH = 30
"""Characters."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `benchmark history`."""
    described = "a folder with HOST/TIME.json or HOST.json, or a store with published reports: file:// or s3://"
    parser.add_argument("source", metavar="FOLDER|STORE", help=described)
    parser.add_argument("--output-html", type=Path, metavar="FILE", help="write one page with a plot for each host")


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Read the reports, and show their history."""
    if arguments.output_html:
        require_writable(arguments.output_html)
    reports = _reports(arguments.source)
    if arguments.output_html:
        _write_page(reports, arguments.output_html)
    entries = build_history(reports)
    return Result(document={"reports": [asdict(entry) for entry in entries]}, text=_table(entries))


def _reports(source: str) -> list[tuple[str, BenchmarkReport]]:
    is_store = "://" in source
    if not is_store and not Path(source).is_dir():
        raise DiskError(
            f"there is no folder {source}", hint="check the path; a store is file:///folder or s3://bucket/prefix"
        )
    reports = list(published_reports(open_listable_store(source)) if is_store else reports_in(Path(source)))
    if not reports:
        hint = "run benchmark publish first" if is_store else "write one with benchmark -o FOLDER/HOST/TIME.json"
        raise UsageError(f"{source} holds no reports", hint=hint)
    return reports


def _write_page(reports: list[tuple[str, BenchmarkReport]], path: Path) -> None:
    from diarize_runner.benchmark.formats import history_page  # imports matplotlib, which is slow

    write_output(path, history_page.render(reports).encode())


def _table(entries: tuple[Entry, ...]) -> "Table":
    from rich.bar import Bar
    from rich.table import Column, Table

    history = history_table(entries)
    columns = [Column(heading, no_wrap=True, overflow="fold") for heading in history.headings]
    table = Table(*columns, Column(max_width=_MAX_BAR_WIDTH), box=None, padding=(0, 2, 0, 0))  # only bars shrink
    highest = max(entry.real_time_factor for entry in entries)
    for entry, row in zip(entries, history.rows, strict=True):
        table.add_row(*row, Bar(highest, 0, entry.real_time_factor))
    return table
