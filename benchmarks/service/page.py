"""The table that the benchmark prints."""

from collections.abc import Iterator, Mapping
from typing import Any

from diarize_runner.benchmark.formats.table import Table

_MEGABYTE = 1e6


def table(scenarios: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return a row for each figure that says how the service does."""
    rows = [(name, *row) for name, figures in scenarios.items() for row in _ROWS[name](figures)]
    rows += [(name, *row) for name, figures in scenarios.items() for row in _memory(figures.get("memory", {}))]
    return Table(title="", headings=("scenario", "figure", "value"), rows=tuple(rows))


def _uploads(figures: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "accepted, of", f"{figures['accepted']} of {figures['uploads']}, {figures['lost']} lost"
    yield "until all are accepted", f"{figures['seconds_until_all_accepted']} s"
    yield "status codes", _counts(figures["statuses"])
    yield "jobs", _counts(figures["jobs"])


def _backlog(figures: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "jobs", _counts(figures["jobs"])
    yield "from first upload to last result", f"{figures['seconds_from_first_upload_to_last_result']} s"
    for phase in ("livez_during_uploads", "livez_after_uploads"):
        yield f"{phase}: p50, p99", _latency(figures[phase])


def _slow_clients(figures: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for phase, found in figures["phases"].items():
        for name, answers in found["ordinary"].items():
            yield f"{phase}: {name}: p50, p99", f"{_latency(answers)}; {_counts(answers['statuses'])}"
        for name, ends in found.get("slow", {}).items():
            yield f"{phase}: {name}", _counts(ends)


def _refusals(figures: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, found in (*figures["large"].items(), *figures["wrong"].items()):
        yield name, f"{found['status']}{'' if found['is_problem'] else ', no problem document'}"


def _soak(figures: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "minutes", f"{figures['minutes']:g}"
    yield "status codes", _counts(figures["statuses"])
    yield "jobs not deleted", _counts(figures["jobs_not_deleted"])
    for name, answers in figures["requests_by_name"].items():
        yield f"{name}: p50, p99", _latency(answers)


def _throughput(figures: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "service, command", f"{figures['service_seconds']:.1f} s, {figures['command_seconds']:.1f} s"
    yield "throughput of the service / of the command", f"{figures['throughput_ratio']:.3f}"


_ROWS = {
    "uploads": _uploads,
    "backlog": _backlog,
    "slow-clients": _slow_clients,
    "refusals": _refusals,
    "soak": _soak,
    "throughput": _throughput,
}


def _memory(memory: Mapping[str, Mapping[str, int]]) -> Iterator[tuple[str, str]]:
    for role, found in memory.items():
        growth = f"{found['bytes_per_hour_after_first_third'] / _MEGABYTE:+.1f} MB/h after the first third"
        sizes = [f"{found[each] / _MEGABYTE:.0f}" for each in ("start_bytes", "end_bytes", "max_bytes")]
        yield f"{role} process: RSS at start, at end, most", f"{', '.join(sizes)} MB; {growth}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _latency(summary: Mapping[str, Any]) -> str:
    if "p99_seconds" not in summary:
        return "no answer"
    return f"{summary['p50_seconds'] * 1000:.0f} ms, {summary['p99_seconds'] * 1000:.0f} ms"
