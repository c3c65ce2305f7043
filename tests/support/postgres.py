"""PostgreSQL, as Debian installs it, on a Unix socket: no port is open.

It keeps what it writes in memory only as long as it runs (fsync=off): tests kill its clients, not the server.
"""

import getpass
import os
import shutil
import subprocess
import tempfile
import uuid
from contextlib import contextmanager
from pathlib import Path

import pytest

try:
    import psycopg
except ImportError:
    psycopg = None

_PROGRAMS = Path("/usr/lib/postgresql")
_SETTINGS = "-c listen_addresses='' -c fsync=off -c max_connections=60 -c unix_socket_directories={folder}"
_PASSWORD = "p%40ss-w0rd"


def require_postgres():
    """Skip the test where PostgreSQL is not installed; fail it if DIARIZE_RUNNER_REQUIRE_POSTGRES is 1."""
    if _programs() is not None and psycopg is not None:
        return
    reason = "PostgreSQL or psycopg is not installed: run scripts/install-test-packages.sh"
    if os.environ.get("DIARIZE_RUNNER_REQUIRE_POSTGRES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def postgres():
    """Run a server in a temporary folder; yield a function that returns the URL of an empty schema of its own."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))  # short: the path of a socket has at most 107 bytes
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, _user())
        _run("initdb", "-D", folder / "data", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8")
        log, settings = folder / "log", _SETTINGS.format(folder=folder)
        _run("pg_ctl", "-D", folder / "data", "-l", log, "-o", settings, "--wait", "start")
        try:
            yield lambda: _create(folder)
        finally:
            _run("pg_ctl", "-D", folder / "data", "--mode=immediate", "--wait", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _create(folder):
    name = f"queue_{uuid.uuid4().hex}"
    with psycopg.connect(host=str(folder), user=_user(), dbname="postgres") as connection:
        connection.execute(f"create schema {name}")
    return f"postgresql://{_user()}:{_PASSWORD}@/postgres?host={folder}&options=-csearch_path%3D{name}"


def _programs():
    """Return the folder of the newest version's programs, or None."""
    found = sorted(_PROGRAMS.glob("*/bin/initdb"), key=lambda path: int(path.parents[1].name))
    return found[-1].parent if found else None


def _user():
    """Return the user that runs the server, which refuses to run as root."""
    return "postgres" if os.geteuid() == 0 else getpass.getuser()


def _run(program, *arguments):
    as_user = ["runuser", "-u", _user(), "--"] if os.geteuid() == 0 else []
    command = [*as_user, _programs() / program, *arguments]
    # pg_ctl's server inherits the output: a pipe would never end.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            command, check=False, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd="/"
        )
        output.seek(0)
        assert done.returncode == 0, output.read().decode()
