"""Reports in a store, each written once: `benchmarks/<host>/<time>.json`, the time being when it began."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from diarize_runner.benchmark.reading import parse_report, read_report
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.cache.builder.secrets import require_no_secret
from diarize_runner.digests import content_of_file
from diarize_runner.disk import disk_errors
from diarize_runner.errors import ObjectExists, UsageError
from diarize_runner.store.protocol import WritableArchiveStore

FOLDER = "benchmarks"
_HOST = r"[A-Za-z0-9][A-Za-z0-9.:_-]{0,95}"
"""A name or an address, as an inventory has it."""
_YEARS = range(2000, 2200)
"""Of benchmarks; a plot has to have room around them."""
_KEY = re.compile(rf"{FOLDER}/(?P<host>{_HOST})/\d{{8}}T\d{{6}}Z\.json")


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """Where a report lies now."""

    key: str
    changed: bool
    """False where the same report lay there already."""


def publish_report(path: Path, host: str, store: WritableArchiveStore) -> Published:
    """Put a report into a store, once.

    Raises:
        ManifestError: the file is no report.
        SecretFound: it holds what looks like a token.
        UsageError: the report has no date, or a host cannot be called so.
        ObjectExists: another report of that host began in the same second.
    """
    key = report_key(read_report(path), host)
    with disk_errors(path):
        require_no_secret(path, path.name)  # what is published cannot be taken back
    try:
        store.create(key, path)
    except ObjectExists:
        with disk_errors(path):
            own = content_of_file(path).digest
        if store.digest(key) != own:
            hint = "reports are never overwritten: name another --host, or measure again"
            raise ObjectExists(f"{store.url} has another report as {key}", hint=hint) from None
        return Published(key=key, changed=False)
    return Published(key=key, changed=True)


def report_key(report: BenchmarkReport, host: str) -> str:
    """Return the name of a host's report in a store; raises UsageError as `publish_report` does."""
    if not re.fullmatch(_HOST, host):
        raise UsageError(f"{host!r} is no name of a host", hint="letters, digits, . : _ and -, 96 at the most")
    began = moment(report.date)
    if began is None:
        problem = f"the report is named by its date, and that is {report.date or 'not known'}"
        raise UsageError(problem, hint="measure anew: diarize-runner benchmark -o writes a date")
    return f"{FOLDER}/{host}/{began:%Y%m%dT%H%M%SZ}.json"


def moment(date: str | None) -> datetime | None:
    """Return when a report began, in UTC; None where it does not say."""
    try:
        found = datetime.fromisoformat(date or "")
        found = (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except (ValueError, OverflowError):  # a time zone can put the first and the last day out of the calendar
        return None
    return found if found.year in _YEARS else None


def published_reports(store: WritableArchiveStore) -> Iterator[tuple[str, BenchmarkReport]]:
    """Yield every report in a store, with its host; raises ManifestError when one is none."""
    for key in sorted(store.keys(f"{FOLDER}/")):
        if found := _KEY.fullmatch(key):
            yield found["host"], parse_report(store.read(key).data, f"{store.url}/{key}")
