"""Reports of several hosts over time, as a table."""

from collections.abc import Iterable

from diarize_runner.benchmark.formats.table import Table
from diarize_runner.benchmark.history import Entry
from diarize_runner.benchmark.published import parse_utc


def history_table(entries: Iterable[Entry]) -> Table:
    """Return a row for each engine in each report."""
    return Table(
        title="RTF over all recordings of a report: total time / total duration",
        headings=("host", "UTC", "workload", "engine", "device", "RTF", "change"),
        rows=tuple(map(_row, entries)),
        note="Change: from the previous report of the same host, workload, engine and device.",
    )


def _row(entry: Entry) -> tuple[str, ...]:
    return (
        entry.host,
        f"{when:%Y-%m-%d %H:%M}" if (when := parse_utc(entry.date)) else entry.date or "undated",
        entry.workload or "unnamed",
        entry.engine,
        entry.device,
        f"{entry.real_time_factor:.3f}",
        f"{100 * (entry.change - 1):+.1f} %" if entry.change else "",
    )
