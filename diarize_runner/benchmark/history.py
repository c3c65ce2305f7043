"""Reports of several hosts over time, read from a store (`published.py`) or a folder.

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
    """UTC, from the report; empty if it has none, which sorts first."""
    workload: str
    engine: str
    device: str
    real_time_factor: float
    cache: str
    change: float | None
    """RTF / RTF of the previous entry with the same host, workload, engine and device; None for the first."""


def reports_in(folder: Path) -> Iterator[tuple[str, BenchmarkReport]]:
    """Yield each report in a folder, with its host; skip other JSON files.

    Raises:
        DiskError: the folder, or a file in it, cannot be read.
        ManifestError: a report is invalid, or a .json file is not JSON.
    """
    with disk_errors(folder):
        paths = sorted(folder.rglob("*.json"))
    for path in paths:
        with suppress(NotAReport):
            yield _host(path, folder), read_report(path)


def build_history(reports: Iterable[tuple[str, BenchmarkReport]]) -> tuple[Entry, ...]:
    """Return the entries of (host, report) pairs, sorted by host, then date."""
    entries = [entry for host, report in reports for entry in _entries(host, report)]
    return tuple(_with_changes(sorted(entries, key=lambda entry: (entry.host, entry.date))))


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
    latest: dict[tuple[str, ...], float] = {}
    for entry in entries:
        key = (entry.host, entry.workload, entry.engine, entry.device)
        previous = latest.get(key)
        yield replace(entry, change=entry.real_time_factor / previous) if previous else entry
        latest[key] = entry.real_time_factor
