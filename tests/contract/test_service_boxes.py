"""Several boxes work off one queue in PostgreSQL, and share one folder."""

import itertools
import threading
from contextlib import contextmanager, suppress

import httpx
import psycopg
import pytest
from support.postgres import postgres, require_postgres
from support.service_process import BOX, LEASE, LONGEST_WAIT, ServiceProcess, until
from support.services import wav

from diarize_runner.service.environment import DATABASE_URL

_AUDIT = """
CREATE TABLE audit (id serial PRIMARY KEY, job text, state text, box text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit (job, state, box) VALUES (NEW.id, NEW.state, coalesce(NEW.box, OLD.box));
    RETURN NEW;
END $$;
CREATE TRIGGER changed AFTER UPDATE OF state ON jobs FOR EACH ROW EXECUTE FUNCTION note();
"""
"""Each change of a state, as the database saw it: what the last row says hides an earlier end."""
_UNFINISHED = "SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')"
_HANGING = "SELECT box FROM jobs WHERE id = %s AND stage = 'embeddings'"


@pytest.fixture(scope="module")
def database():
    require_postgres()
    with postgres() as new_url:
        yield new_url


class Boxes:
    """Servers of one queue and one folder."""

    def __init__(self, url, folder):
        self.url, self.folder, self.servers = url, folder, []

    def start(self, name):
        environment = {DATABASE_URL: self.url, BOX: name, LEASE: "4"}
        server = ServiceProcess(self.folder, **environment)
        self.servers.append(server)
        return server

    def query(self, query, *values):
        with psycopg.connect(self.url) as connection:
            return connection.execute(query, values).fetchall()

    def run(self, script):
        with psycopg.connect(self.url) as connection:
            connection.execute(script)


@contextmanager
def boxes(database, folder):
    started = Boxes(database(), folder)
    try:
        yield started
    finally:
        for server in started.servers:
            server.kill()


@pytest.fixture
def fleet(database, tmp_path):
    with boxes(database, tmp_path / "shared") as started:
        yield started


def client(server):
    return httpx.Client(base_url=server.url, timeout=LONGEST_WAIT, trust_env=False)


def submit(server, name="brief.wav", **headers):
    with client(server) as http:
        answer = http.post("/v1/jobs", files={"file": (name, wav(2.0))}, headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def job(server, job_id):
    with client(server) as http:
        return http.get(f"/v1/jobs/{job_id}").json()


def state_of(server, job_id):
    return job(server, job_id)["state"]


class Stream:
    """A client that submits jobs to all boxes in turn, and again to the next one if there is no answer."""

    def __init__(self, *servers):
        self.servers, self.accepted = servers, []
        self._stop, self._thread = threading.Event(), threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self):
        turns = itertools.cycle(self.servers)
        for number in itertools.count():
            if self._stop.wait(0.2):
                return
            self.accepted.append(self._submit(f"job {number}", turns))

    def _submit(self, key, turns):
        for server in turns:
            with suppress(httpx.TransportError):
                return submit(server, **{"Idempotency-Key": key})
        raise AssertionError


@pytest.mark.long
def test_a_box_that_is_killed_loses_no_job_and_no_job_ends_twice(fleet):
    servers = {name: fleet.start(name) for name in ("first", "second")}
    for server in servers.values():
        server.wait_until_ready()
    fleet.run(_AUDIT)
    with Stream(*servers.values()) as stream:
        held = submit(servers["first"], "hang-once.wav")
        ((box,),) = until(lambda: fleet.query(_HANGING, held), "no box has the job")
        servers.pop(box).kill()
        before = len(stream.accepted)
        until(lambda: len(stream.accepted) > before + 4, "no job is accepted after the kill")
    (name, survivor), *_ = servers.items()
    until(lambda: fleet.query(_UNFINISHED) == [(0,)], survivor.log)
    ends = fleet.query("SELECT job FROM audit WHERE state IN ('succeeded', 'failed', 'cancelled')")
    assert sorted(ended for (ended,) in ends) == sorted([held, *stream.accepted]), "a job was lost, or ended twice"
    assert fleet.query("SELECT DISTINCT state FROM jobs") == [("succeeded",)]
    assert fleet.query("SELECT box FROM audit WHERE job = %s AND state = 'succeeded'", held) == [(name,)]
    assert fleet.query("SELECT interruptions FROM jobs WHERE id = %s", held) == [(1,)]


@pytest.mark.long
def test_each_box_follows_stops_and_serves_the_jobs_of_the_others(fleet):
    first = fleet.start("first").wait_until_ready()
    done, stopped = submit(first), submit(first, "hang.wav")
    until(lambda: state_of(first, stopped) == "running", first.log)
    second = fleet.start("second").wait_until_ready()
    with client(second) as http:
        assert http.get(f"/v1/jobs/{done}/result", params={"format": "rttm"}).text.startswith("SPEAKER")
        with http.stream("GET", f"/v1/jobs/{stopped}/events") as events:
            http.post(f"/v1/jobs/{stopped}/cancel")
            assert "cancelled" in events.read().decode()
    assert fleet.query("SELECT state, box FROM jobs WHERE id = %s", stopped) == [("cancelled", None)]
    assert first.model_process() is None
    deleted = submit(first, "hang.wav")
    until(lambda: state_of(second, deleted) == "running", second.log)
    with client(second) as http:
        assert http.delete(f"/v1/jobs/{deleted}").status_code == 204
    until(lambda: first.model_process() is None and second.model_process() is None, "a deleted job goes on")
    assert not (fleet.folder / "jobs" / deleted).exists()
