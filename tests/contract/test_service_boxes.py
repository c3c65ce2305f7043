"""Several boxes work off one queue in PostgreSQL, and share one folder."""

import itertools
import threading
import time
from contextlib import contextmanager

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
_FINAL = ("succeeded", "failed", "cancelled")


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


def submit(server, name="brief.wav"):
    with client(server) as http:
        answer = http.post("/v1/jobs", files={"file": (name, wav(2.0))})
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def job(server, job_id):
    with client(server) as http:
        return http.get(f"/v1/jobs/{job_id}").json()


def state_of(server, job_id):
    return job(server, job_id)["state"]


def test_a_box_that_is_killed_loses_no_job_and_no_job_ends_twice(fleet):
    first, second = fleet.start("first"), fleet.start("second")
    first.wait_until_ready(), second.wait_until_ready()
    fleet.run(_AUDIT)
    accepted, stop = [], threading.Event()

    def stream():
        for number in itertools.count():
            if stop.is_set():
                return
            accepted.append(submit(second, "slow.wav" if number == 0 else "brief.wav"))
            stop.wait(0.2)

    thread = threading.Thread(target=stream)
    thread.start()
    both = "SELECT count(DISTINCT box) FROM audit WHERE state = 'succeeded'"
    until(lambda: fleet.query(both) == [(2,)], "one box runs all jobs")
    running = "SELECT id FROM jobs WHERE state = 'running' AND box = 'first'"
    held = until(lambda: fleet.query(running), first.log)[0][0]
    first.kill()
    stop.set()
    thread.join()
    open_jobs = "SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')"
    until(lambda: fleet.query(open_jobs) == [(0,)], second.log)
    ends = fleet.query("SELECT job FROM audit WHERE state IN ('succeeded', 'failed', 'cancelled')")
    assert sorted(ended for (ended,) in ends) == sorted(accepted), "a job was lost, or ended twice"
    assert fleet.query("SELECT DISTINCT state FROM jobs") == [("succeeded",)]
    boxes_of_held = [box for (box,) in fleet.query("SELECT box FROM audit WHERE job = %s ORDER BY id", held)]
    assert boxes_of_held[-1] == "second"
    assert fleet.query("SELECT interruptions FROM jobs WHERE id = %s", held) == [(1,)]


def test_each_box_follows_stops_and_serves_the_jobs_of_the_others(fleet):
    first = fleet.start("first").wait_until_ready()
    done, stopped = submit(first), submit(first, "hang.wav")
    until(lambda: state_of(first, stopped) == "running", first.log)
    second = fleet.start("second").wait_until_ready()
    with client(second) as http:
        assert http.get(f"/v1/jobs/{done}/result", params={"format": "rttm"}).text.startswith("SPEAKER")
        with http.stream("GET", f"/v1/jobs/{stopped}/events") as events:
            began = time.monotonic()
            http.post(f"/v1/jobs/{stopped}/cancel")
            assert "cancelled" in events.read().decode()
    assert time.monotonic() - began < 30, "the other box never saw it"
    assert fleet.query("SELECT state, box FROM jobs WHERE id = %s", stopped) == [("cancelled", None)]
    assert first.model_process() is None
    deleted = submit(first, "hang.wav")
    until(lambda: state_of(second, deleted) == "running", second.log)
    with client(second) as http:
        assert http.delete(f"/v1/jobs/{deleted}").status_code == 204
    until(lambda: first.model_process() is None and second.model_process() is None, "a deleted job goes on")
    assert not (fleet.folder / "jobs" / deleted).exists()
