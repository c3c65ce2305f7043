"""Connections to SQLite or PostgreSQL, and their errors as QueueError."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, func, insert, make_url, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from diarize_runner.disk import disk_errors, flush
from diarize_runner.errors import QueueError
from diarize_runner.service.queue.table import METADATA, SCHEMA, VERSION
from diarize_runner.unexpected import first_line

_create_engine: Final = partial(create_engine, hide_parameters=True)  # no log shows the values of a job
_INSERTS: Final[dict[str, Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_BUSY_SECONDS: Final = 10
_DAMAGED: Final = "malformed|not a database"
_HINTS: Final = {
    "locked": "stop other programs that use the file",
    "full": "free some space, then try again",
    _DAMAGED: "move the file away or restore it, then restart the service",
    "readonly|unable to open": "check who owns the file and its folder",
    "connection": "start PostgreSQL, and check the address, the user and the password",
    "": "see the log of the database",
}


def open_database(url: str, *, busy_seconds: float = _BUSY_SECONDS) -> Engine:
    """Connect to `sqlite:///PATH` or `postgresql://...`; create the tables. Raises QueueError or DiskError."""
    parsed = _parse(url)
    engine = _sqlite(parsed, busy_seconds) if parsed.drivername == "sqlite" else _postgresql(parsed)
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":  # CREATE TABLE IF NOT EXISTS fails if two run at once
            connection.execute(select(func.pg_advisory_xact_lock(0x6469617269)))
        else:
            _require_whole(connection)
        METADATA.create_all(connection)
        if connection.scalar(select(SCHEMA.c.version)) is None:
            connection.execute(insert(SCHEMA).values(version=VERSION))
        require_writable(connection)
    return engine


def _require_whole(connection: Connection) -> None:
    """Raise QueueError if a page of a SQLite file is damaged, before anything is written to it."""
    found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if found != "ok":
        raise QueueError(f"the queue's database is damaged: {first_line(str(found))}", hint=_HINTS[_DAMAGED])


def require_writable(connection: Connection) -> None:
    """Write to the database; raise QueueError if its tables have another version."""
    if not connection.execute(update(SCHEMA).where(SCHEMA.c.version == VERSION).values(version=VERSION)).rowcount:
        found = connection.scalar(select(SCHEMA.c.version))
        hint = "install the release that wrote the queue, or use another queue"
        raise QueueError(f"the queue has schema {found!r:.20}, but this release reads schema {VERSION}", hint=hint)


def insert_new(connection: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row; return False if one with a value that must be unique exists, even one added at the same time."""
    statement = _INSERTS[connection.dialect.name](table).values(values).on_conflict_do_nothing()
    return bool(connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Yield a connection in a transaction that may write. Raises QueueError."""
    with _database_errors(), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Yield a connection that reads without waiting for writers. Raises QueueError."""
    with _database_errors(), engine.connect().execution_options(only_reads=True) as connection:
        yield connection


@contextmanager
def _database_errors() -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, UnicodeError) as reason:
        text = first_line(getattr(reason, "orig", None) or reason)
        hint = next(hint for words, hint in _HINTS.items() if re.search(words, text))
        raise QueueError(f"the queue's database: {text}", hint=hint) from None  # the cause may show values of a job


def _parse(url: str) -> URL:
    with suppress(SQLAlchemyError, ValueError):  # their messages may show a part of the password
        parsed = make_url(url)
        if parsed.drivername == "sqlite" and parsed.database not in (None, "", ":memory:") and not parsed.query:
            return parsed
        if parsed.drivername in ("postgresql", "postgres", "postgresql+psycopg") and "@" not in (parsed.host or ""):
            return parsed.set(drivername="postgresql+psycopg")
    hint = "write sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME, and percent-encode the password"
    raise QueueError("the URL of the queue is invalid", hint=hint)


def _sqlite(url: URL, busy_seconds: float) -> Engine:
    path = Path(url.database or "")
    with disk_errors(path), suppress(FileExistsError):
        os.mknod(path, 0o600)  # to open and close it here would drop SQLite's locks: sqlite.org/howtocorrupt.html
        flush(path.parent)
    engine = _create_engine(url, connect_args={"timeout": busy_seconds})
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # _begin_sqlite begins transactions
    connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL")  # a power cut loses no accepted job


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads and then writes fails at once if another wrote in between; IMMEDIATE waits.
    connection.exec_driver_sql("BEGIN" if "only_reads" in connection.get_execution_options() else "BEGIN IMMEDIATE")


def _postgresql(url: URL) -> Engine:
    waits = {"connect_timeout": _BUSY_SECONDS, "tcp_user_timeout": 1000 * _BUSY_SECONDS}  # a network may drop packets
    return _create_engine(url, pool_pre_ping=True, isolation_level="READ COMMITTED", connect_args=waits)
