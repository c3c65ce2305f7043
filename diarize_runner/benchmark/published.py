"""Reports in a store, written once as `benchmarks/<host>/<start time, UTC>.json`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from diarize_runner.benchmark.reading import parse_report, read_report
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.cache.builder.secrets import require_no_secret
from diarize_runner.digests import hash_file
from diarize_runner.disk import disk_errors
from diarize_runner.errors import ObjectExists, UsageError
from diarize_runner.store.protocol import WritableArchiveStore

FOLDER = "benchmarks"
_HOST = r"[A-Za-z0-9][A-Za-z0-9.:_-]{0,95}"
"""An inventory's name or address of a host."""
_YEARS = range(2000, 2200)
"""Plausible years; plots fail near the ends of the calendar."""
_KEY = re.compile(rf"{FOLDER}/(?P<host>{_HOST})/\d{{8}}T\d{{6}}Z\.json")


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedReport:
    """A report's key in the store."""

    key: str
    changed: bool
    """False if the store already had the same report."""


def publish_report(path: Path, host: str, store: WritableArchiveStore) -> PublishedReport:
    """Publish a report to a store; never overwrite another.

    Raises:
        ManifestError: the file is not a report.
        SecretFound: the file contains a token.
        UsageError: the report has no date, or the host name is invalid.
        ObjectExists: the store has another report of that host with the same start time.
    """
    key = report_key(read_report(path), host)
    with disk_errors(path):
        require_no_secret(path, path.name)  # publishing cannot be undone
    try:
        store.create(key, path)
    except ObjectExists:
        with disk_errors(path):
            digest = hash_file(path).digest
        if store.digest(key) != digest:
            hint = "name another --host, or measure again: a store never overwrites a report"
            raise ObjectExists(f"{store.url} has another report as {key}", hint=hint) from None
        return PublishedReport(key=key, changed=False)
    return PublishedReport(key=key, changed=True)


def report_key(report: BenchmarkReport, host: str) -> str:
    """Return the key of a host's report in a store; raise UsageError as `publish_report` does."""
    if not re.fullmatch(_HOST, host):
        hint = "use letters, digits, and . : _ -, at most 96 characters"
        raise UsageError(f"{host!r} is not a valid host name", hint=hint)
    start = parse_utc(report.date)
    if start is None:
        problem = f"the report has no usable date: {report.date or 'missing'}"
        raise UsageError(problem, hint="measure again: diarize-runner benchmark -o writes a date")
    return f"{FOLDER}/{host}/{start:%Y%m%dT%H%M%SZ}.json"


def parse_utc(date: str | None) -> datetime | None:
    """Parse an ISO date as UTC; return None if it is missing, invalid or implausible."""
    try:
        parsed = datetime.fromisoformat(date or "")
        parsed = (parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except (ValueError, OverflowError):  # a time zone can move the first or last day out of the calendar
        return None
    return parsed if parsed.year in _YEARS else None


def published_reports(store: WritableArchiveStore) -> Iterator[tuple[str, BenchmarkReport]]:
    """Yield each report in a store, with its host; raise ManifestError if one is invalid."""
    for key in sorted(store.keys(f"{FOLDER}/")):
        if match := _KEY.fullmatch(key):
            yield match["host"], parse_report(store.read(key).data, f"{store.url}/{key}")
