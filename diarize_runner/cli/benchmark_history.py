"""`diarize-runner benchmark history`: how hosts did over time."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.benchmark.formats import history as in_words
from diarize_runner.benchmark.history import Entry, history, reports_in
from diarize_runner.benchmark.published import published_reports
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.cli.options import Commands, add_command
from diarize_runner.cli.output import Result
from diarize_runner.errors import DiskError, UsageError
from diarize_runner.jobs.output_file import require_writable, write_output
from diarize_runner.progress import Progress
from diarize_runner.store.address import open_listable_store

if TYPE_CHECKING:
    from rich.table import Table

_WIDEST = 30
"""Characters of a bar."""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "history", run, "say how hosts did over time, by the reports in a folder or a store")
    described = "a folder with HOST/TIME.json or HOST.json; or what reports were published to: file:// or s3://"
    parser.add_argument("source", metavar="FOLDER|STORE", help=described)
    parser.add_argument("--output-html", type=Path, metavar="FILE", help="write one page, with a plot for each host")


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Read, draw."""
    if arguments.output_html:
        require_writable(arguments.output_html)
    reports = _reports(arguments.source)
    if arguments.output_html:
        _write_page(reports, arguments.output_html)
    entries = history(reports)
    return Result(document={"reports": [asdict(entry) for entry in entries]}, text=_drawn(entries))


def _reports(source: str) -> list[tuple[str, BenchmarkReport]]:
    is_store = "://" in source
    if not is_store and not Path(source).is_dir():
        raise DiskError(
            f"there is no folder {source}", hint="check the path; a store is file:///folder or s3://bucket/prefix"
        )
    found = list(published_reports(open_listable_store(source)) if is_store else reports_in(Path(source)))
    if not found:
        hint = "benchmark publish puts them there" if is_store else "benchmark -o FOLDER/HOST/TIME.json writes one"
        raise UsageError(f"{source} holds no reports", hint=hint)
    return found


def _write_page(reports: list[tuple[str, BenchmarkReport]], path: Path) -> None:
    from diarize_runner.benchmark.formats import history_page  # with matplotlib, which takes its time to import

    write_output(path, history_page.render(reports).encode())


def _drawn(entries: tuple[Entry, ...]) -> "Table":
    from rich.bar import Bar
    from rich.table import Column, Table

    told = in_words.table(entries)
    named = [Column(heading, no_wrap=True, overflow="fold") for heading in told.headings]
    table = Table(*named, Column(max_width=_WIDEST), box=None, padding=(0, 2, 0, 0))  # bars give way to words
    most = max(entry.real_time_factor for entry in entries)
    for entry, row in zip(entries, told.rows, strict=True):
        table.add_row(*row, Bar(most, 0, entry.real_time_factor))
    return table
