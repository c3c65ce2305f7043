"""Databases for the queue."""

import pytest
from support.postgres import postgres, require_postgres


@pytest.fixture(scope="session")
def new_postgres_url():
    """Return a function that creates a database of a server and returns its URL."""
    require_postgres()
    with postgres() as create:
        yield create


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    """Return the URL of a new database: SQLite always, PostgreSQL where it is installed."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/queue.db"
    return request.getfixturevalue("new_postgres_url")()
