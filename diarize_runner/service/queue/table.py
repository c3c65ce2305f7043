"""The tables, and how a row becomes a Job. They hold only text and numbers: nothing is ever unpickled."""

import re
from dataclasses import fields
from typing import Any, Final, get_args

from sqlalchemy import Boolean, Column, Double, Index, Integer, MetaData, RowMapping, Table, Text, UniqueConstraint

from diarize_runner.errors import QueueError
from diarize_runner.service.queue.job import Job, JobFailure, JobState


def _columns(kind: type[Text | Double[float] | Integer], names: str, **options: Any) -> list[Column[Any]]:
    return [Column(name, kind, **options) for name in names.split()]


METADATA: Final = MetaData()
VERSION: Final = 1
"""Of the tables below; a release refuses a queue of a newer one."""
SCHEMA: Final = Table("schema_version", METADATA, Column("version", Integer, nullable=False))
FOLDER: Final = Table("folder", METADATA, Column("id", Text, nullable=False))
"""At most one row: the folder that has the files of the jobs."""
JOBS: Final = Table(
    "jobs",
    METADATA,
    Column("id", Text, primary_key=True),
    *_columns(Text, "owner request_digest work model state stage", nullable=False, default=""),
    *_columns(Double, "audio_seconds created_at progress", nullable=False, default=0.0),
    *_columns(Integer, "attempts interruptions work_version", nullable=False, default=0),
    Column("cancel_requested", Boolean, nullable=False, default=False),
    *_columns(Text, "idempotency_key result box lease failure_kind failure_message failure_hint"),
    *_columns(Double, "started_at finished_at lease_until processing_seconds"),
    UniqueConstraint("owner", "idempotency_key"),
    Index("jobs_by_state", "state", "created_at"),
    Index("jobs_by_owner", "owner", "created_at"),
)
DELIVERIES: Final = Table(
    "deliveries",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("job", Text, nullable=False, unique=True),
    Column("url", Text, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", Double, nullable=False, default=0.0),
    *_columns(Text, "lease"),
    *_columns(Double, "lease_until"),
)
"""Webhooks that are not delivered yet, of jobs that have or have not ended."""
_RESULT: Final = re.compile(r"[A-Za-z0-9-]+")
_FAILURE: Final = ("failure_kind", "failure_message", "failure_hint")
_FIELDS: Final = [field.name for field in fields(Job) if field.name != "failure"]


def to_job(row: RowMapping) -> Job:
    """Return the job of a row; raise QueueError for a row that this package did not write."""
    wrong = [column.name for column in JOBS.c if not _fits(row[column], column)] or _impossible(row)
    if wrong:
        raise QueueError(f"row {row['id']!r:.80} of the queue is no job: {wrong}", hint="delete the row")
    kind, message, hint = (row[name] for name in _FAILURE)
    failure = JobFailure(kind=kind, message=message or "", hint=hint or "") if kind is not None else None
    return Job(**{name: row[name] for name in _FIELDS}, failure=failure)


def _impossible(row: RowMapping) -> list[str]:
    """Return the names of the columns whose text means nothing: a result may be no path to files of others."""
    is_name = row["result"] is None or _RESULT.fullmatch(row["result"]) is not None
    possible = {"state": row["state"] in get_args(JobState), "result": is_name}
    return [name for name, is_possible in possible.items() if not is_possible]


def _fits(value: object, column: Column[Any]) -> bool:
    return isinstance(value, column.type.python_type) or (value is None and bool(column.nullable))


def failure_values(failure: JobFailure) -> dict[str, Any]:
    """Return the columns of a failure."""
    return dict(zip(_FAILURE, (failure.kind, failure.message, failure.hint), strict=True))
