"""Reports of several hosts over time, out of a store (`published.py`) or a folder.

<folder>/<host>/<time>.json   or   <folder>/<host>.json
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from diarize_runner.benchmark.reading import read_report
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.disk import disk_errors
from diarize_runner.errors import NotAReport


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One engine in one report of one host."""

    host: str
    date: str
    """UTC, as the report has it; empty where it has none, which sorts first."""
    workload: str
    engine: str
    device: str
    real_time_factor: float
    cache: str
    change: float | None
    """RTF over that of the entry before, of the same host, workload, engine and device; None for the first."""


def reports_in(folder: Path) -> Iterator[tuple[str, BenchmarkReport]]:
    """Yield every report in a folder, with its host; JSON of other kinds may lie beside them.

    Raises:
        DiskError: the folder, or a file in it, cannot be read.
        ManifestError: something in a report is wrong, or a file that ends in .json is not JSON.
    """
    with disk_errors(folder):
        paths = sorted(folder.rglob("*.json"))
    for path in paths:
        with suppress(NotAReport):
            yield _host(path, folder), read_report(path)


def history(reports: Iterable[tuple[str, BenchmarkReport]]) -> tuple[Entry, ...]:
    """Return every entry of these reports, each with its host, by host and then by date."""
    found = [entry for host, report in reports for entry in _entries(host, report)]
    return tuple(_with_changes(sorted(found, key=lambda entry: (entry.host, entry.date))))


def _host(path: Path, folder: Path) -> str:
    return path.stem if path.parent == folder else path.relative_to(folder).parts[0]


def _entries(host: str, report: BenchmarkReport) -> Iterator[Entry]:
    for series in report.series:
        yield Entry(
            host=host,
            date=report.date or "",
            workload=report.workload or "",
            engine=series.engine,
            device=series.device,
            real_time_factor=series.real_time_factor,
            cache=report.cache,
            change=None,
        )


def _with_changes(entries: list[Entry]) -> Iterator[Entry]:
    before: dict[tuple[str, ...], float] = {}
    for entry in entries:
        same = (entry.host, entry.workload, entry.engine, entry.device)
        was = before.get(same)
        yield replace(entry, change=entry.real_time_factor / was) if was else entry
        before[same] = entry.real_time_factor
