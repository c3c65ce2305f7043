"""The commands of docs/service-operations.md back up and restore the queue and the files of its jobs."""

import os
import re
import shutil
import subprocess
import uuid
from pathlib import Path

import psycopg
import pytest
from support.postgres import postgres, require_postgres
from support.services import running_service, wait_for, wav

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/service-operations.md"


def commands(name):
    """Return the commands of the document that follow `<!-- test: NAME -->`."""
    found = re.findall(rf"<!-- test: {name} -->\n```sh\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert len(found) == 1, name
    return found[0]


def run(name, **variables):
    script = "set -eu; umask 077\n" + commands(name)
    done = subprocess.run(
        ["bash", "-c", script], env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def submit(client, name):
    answer = client.post("/v1/jobs", files={"file": (name, wav(2.0))})
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def result(client, job_id):
    assert wait_for(client, job_id)["state"] == "succeeded"
    answer = client.get(f"/v1/jobs/{job_id}/result")
    assert answer.status_code == 200, answer.text
    return answer.content


def check(backup, restore, former, restored):
    """Check that a server with what `restore` made of `backup` has the ended job and does the waiting ones.

    `former` and `restored` are the settings of the servers.
    """
    with running_service(**former) as client:
        ended = submit(client, "brief.wav")
        expected = result(client, ended)
        waiting = [submit(client, "slow.wav"), submit(client, "brief.wav")]
        if "database_url" in former:
            assert client.service.queue.bind(client.service.folder.identity())
    backup()
    shutil.rmtree(former["path"])
    restore()
    with running_service(**restored) as client:
        assert result(client, ended) == expected
        assert all(result(client, job_id) for job_id in waiting)
        if "database_url" in restored:
            assert client.service.queue.bind("another") == client.service.folder.identity()


@pytest.mark.long
@pytest.mark.parametrize("command", ["back up sqlite", "back up sqlite with python"])
def test_a_queue_in_sqlite_is_restored(tmp_path, command):
    if shutil.which("sqlite3") is None and "python" not in command:
        pytest.skip("sqlite3 is not installed: run scripts/install-test-packages.sh")
    folder, new_folder, backup = tmp_path / "service", tmp_path / "restored", tmp_path / "backup"
    backup.mkdir()
    check(
        lambda: run(command, FOLDER=str(folder), BACKUP=str(backup)),
        lambda: run("restore sqlite", FOLDER=str(new_folder), BACKUP=str(backup)),
        {"path": folder},
        {"path": new_folder},
    )


@pytest.fixture(scope="module")
def new_database():
    """Return a function that creates a database and returns its URL."""
    require_postgres()
    with postgres() as new_schema:

        def create():
            name, url = f"service_{uuid.uuid4().hex}", new_schema()
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(f"create database {name}")
            return re.sub(r"@/postgres\?(host=[^&]*).*", rf"@/{name}?\1", url)

        yield create


@pytest.mark.long
def test_a_queue_in_postgresql_is_restored(tmp_path, new_database):
    folder, new_folder, backup = tmp_path / "service", tmp_path / "restored", tmp_path / "backup"
    backup.mkdir()
    url, new_url = new_database(), new_database()
    check(
        lambda: run("back up postgresql", FOLDER=str(folder), BACKUP=str(backup), DATABASE=url),
        lambda: run("restore postgresql", FOLDER=str(new_folder), BACKUP=str(backup), DATABASE=new_url),
        {"path": folder, "database_url": url},
        {"path": new_folder, "database_url": new_url},
    )
