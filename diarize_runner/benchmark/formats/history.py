"""Reports of several hosts over time: a table, in words."""

from collections.abc import Iterable

from diarize_runner.benchmark.formats.tables import Table
from diarize_runner.benchmark.history import Entry
from diarize_runner.benchmark.published import moment


def table(entries: Iterable[Entry]) -> Table:
    """Return a row for each engine in each report."""
    return Table(
        title="RTF of all recordings of a report, total over total",
        headings=("host", "UTC", "workload", "engine", "device", "RTF", "change"),
        rows=tuple(map(_row, entries)),
        note="The change is from the report before of the same host, workload, engine and device.",
    )


def _row(entry: Entry) -> tuple[str, ...]:
    return (
        entry.host,
        f"{when:%Y-%m-%d %H:%M}" if (when := moment(entry.date)) else entry.date or "undated",
        entry.workload or "unnamed",
        entry.engine,
        entry.device,
        f"{entry.real_time_factor:.3f}",
        f"{100 * (entry.change - 1):+.1f} %" if entry.change else "",
    )
