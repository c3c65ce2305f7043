"""Kill a server and its model process at random moments while clients submit jobs, and check what became of them."""

import json
import random
import sqlite3
import threading
import time
import uuid
from contextlib import closing
from dataclasses import dataclass, field

import httpx
from support.service_process import LONGEST_WAIT, ServiceProcess, kill_process, until
from support.services import wav

RECORDINGS = {("brief.wav", 4.0): wav(4.0), ("talk.wav", 3.0): wav(3.0)}
"""By name and seconds; the model process takes a third of a second for a brief one."""
_MOST_ACCEPTED = 2
"""Jobs that the clients have more at a kill than at the one before, at most; then comes a pause."""
_LONGEST_PAUSE = 0.8
"""Seconds; longer than any step of a job."""
_CLIENTS = 3
_MOST_WAITING = 4
"""Jobs; the clients pause while so many wait, so that the end does not take long."""
_UNFINISHED = "SELECT count(*), max(attempts) FROM jobs WHERE state IN ('queued', 'running')"
_HAS_KEY = "SELECT count(*) FROM jobs WHERE idempotency_key = ?"
_AUDIT = """
CREATE TABLE audit (id INTEGER PRIMARY KEY, job TEXT, state TEXT);
CREATE TRIGGER changed AFTER UPDATE OF state ON jobs BEGIN
    INSERT INTO audit (job, state) VALUES (NEW.id, NEW.state);
END;
"""
"""Each change of a state, as the database saw it: what the last row says hides an earlier end."""


@dataclass
class Counts:
    """What happened."""

    killed_servers: int = 0
    killed_model_processes: int = 0
    accepted: int = 0
    unanswered: int = 0
    resubmitted: int = 0
    """Requests without an answer that were sent again, and accepted."""
    added_without_answer: int = 0
    """Of these, jobs that the killed server had added already."""
    attempts: int = 0
    """Claims of jobs."""
    repeated: int = 0
    """Jobs with more than one attempt."""
    succeeded: int = 0

    def __str__(self):
        return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in vars(self).items())


@dataclass
class _Clients:
    """Threads that submit jobs to whatever server runs; `jobs` are the accepted ones, by their idempotency keys."""

    seed: int
    folder: object
    url: str = ""
    jobs: dict = field(default_factory=dict)
    recordings: dict = field(default_factory=dict)
    """Of each idempotency key."""
    unanswered: list = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self):
        self.lock, self.failures = threading.Lock(), []
        numbers = range(self.seed * _CLIENTS, (self.seed + 1) * _CLIENTS)
        self.threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in numbers]

    def _run(self, number):
        chance = random.Random(number)
        try:
            while not self.stop.is_set():
                if unfinished(self.folder)[0] >= _MOST_WAITING:
                    time.sleep(0.05)
                elif not self.submit(*self._next(chance)):
                    time.sleep(0.1)
        except BaseException as failure:
            self.failures.append(failure)
            raise

    def _next(self, chance):
        """Return a new request, or one that was not answered."""
        with self.lock:
            if self.unanswered and chance.random() < 0.5:
                return self.take_unanswered()
            key = uuid.UUID(int=chance.getrandbits(128)).hex
            self.recordings[key] = chance.choice(list(RECORDINGS))
            return key, self.recordings[key]

    def take_unanswered(self):
        """Return a request that was not answered, and count it."""
        key, recording = self.unanswered.pop(0)
        self.counts.resubmitted += 1
        self.counts.added_without_answer += _query(self.folder, _HAS_KEY, key)[0]
        return key, recording

    def submit(self, key, recording):
        """Send a request; return whether it was accepted."""
        try:
            answer = self._post(key, recording)
        except httpx.TransportError:
            with self.lock:
                self.counts.unanswered += 1
                self.unanswered.append((key, recording))
            return False
        assert answer.status_code == 202, answer.text
        with self.lock:
            self.jobs[key] = answer.json()["id"]
        return True

    def _post(self, key, recording):
        """Send a request as soon as a server runs; return its answer."""
        files, headers = {"file": (recording[0], RECORDINGS[recording])}, {"Idempotency-Key": key}
        while True:
            try:
                return httpx.post(
                    f"{self.url}/v1/jobs", files=files, headers=headers, timeout=LONGEST_WAIT, trust_env=False
                )
            except httpx.ConnectError:
                time.sleep(0.05)


def kill_service(folder, kills, seed=0):
    """Kill a server and its model process in turn, until each died `kills / 2` times; return what happened.

    In the end every accepted job has succeeded exactly once, with a whole result, and nothing else is left.
    """
    chance, server = random.Random(seed), ServiceProcess(folder).wait_until_ready()
    _audit(folder)
    clients = _Clients(seed=seed, folder=folder, url=server.url)
    for thread in clients.threads:
        thread.start()
    try:
        for number in range(kills):
            server = _kill_one(server, clients, chance, is_server=number % 2 == 0)
        clients.stop.set()
        for thread in clients.threads:
            thread.join()
        assert clients.failures == []
        _resubmit(clients)
        until(lambda: unfinished(folder)[0] == 0, "the server does not work off its jobs", 5 * LONGEST_WAIT)
        expected = _expected(server)
        assert server.terminate() == 0, server.log
    finally:
        clients.stop.set()
        server.kill()
    _check(folder, clients, expected)
    return clients.counts


def _kill_one(server, clients, chance, *, is_server):
    wanted = len(clients.jobs) + chance.randint(0, _MOST_ACCEPTED)
    until(lambda: len(clients.jobs) >= wanted or clients.failures, server.log)
    if not is_server:
        process = server.wait_for_model_process()
        time.sleep(chance.uniform(0, _LONGEST_PAUSE))
        # The third crash of a job ends it, so none may have crashed twice.
        until(lambda: (unfinished(clients.folder)[1] or 0) <= 1, "a job stays at its second attempt")
        kill_process(process)
        clients.counts.killed_model_processes += 1
        return server
    time.sleep(chance.uniform(0, _LONGEST_PAUSE))
    server.kill()
    clients.counts.killed_servers += 1
    started = ServiceProcess(clients.folder).wait_until_ready()
    clients.url = started.url
    return started


def _resubmit(clients):
    """Send what was not answered again."""
    while clients.unanswered:
        assert clients.submit(*clients.take_unanswered())


def _expected(server):
    """Return the files of each recording's result, as an attempt writes them that nothing disturbs."""
    return {recording: _result_of(server, *recording) for recording in RECORDINGS}


def _result_of(server, name, seconds):
    with httpx.Client(base_url=server.url, timeout=LONGEST_WAIT, trust_env=False) as client:
        job = client.post("/v1/jobs", files={"file": (name, RECORDINGS[name, seconds])}).json()["id"]
        until(lambda: client.get(f"/v1/jobs/{job}").json()["state"] == "succeeded", server.log)
        return job


def unfinished(folder):
    """Return how many jobs wait or run, and the most attempts that one of them had."""
    return _query(folder, _UNFINISHED)


def _query(folder, query, *values):
    with closing(sqlite3.connect(f"file:{folder}/queue.db?mode=ro", uri=True, timeout=LONGEST_WAIT)) as database:
        return database.execute(query, values).fetchone()


def _audit(folder):
    with closing(sqlite3.connect(folder / "queue.db", timeout=LONGEST_WAIT)) as database:
        database.executescript(_AUDIT)


def _check(folder, clients, expected):
    with closing(sqlite3.connect(folder / "queue.db")) as database:
        changes = database.execute("SELECT job, state FROM audit ORDER BY id").fetchall()
        rows = database.execute("SELECT id, state, result, idempotency_key FROM jobs").fetchall()
    jobs = {job: (state, result) for job, state, result, _ in rows}
    _check_ends(jobs, changes, clients)
    keys = [key for *_, key in rows if key is not None]
    assert len(keys) == len(set(keys))
    assert {key: job for job, _, _, key in rows if key is not None} == clients.jobs, "a retry has another job"
    for key, job in clients.jobs.items():
        wanted = expected[clients.recordings[key]]
        assert _files(folder, job, jobs) == _files(folder, wanted, jobs), f"the result of {job} is not whole"
    _check_folder(folder, jobs)


def _check_ends(jobs, changes, clients):
    counts, ends = clients.counts, [job for job, state in changes if state in ("succeeded", "failed", "cancelled")]
    lost = set(clients.jobs.values()) - set(jobs)
    assert not lost, f"accepted jobs are lost: {lost}"
    assert {state for state, _ in jobs.values()} == {"succeeded"}, jobs
    assert sorted(ends) == sorted(jobs), "a job ended twice, or not at all"
    claims = [job for job, state in changes if state == "running"]
    counts.accepted, counts.succeeded, counts.attempts = len(clients.jobs), len(ends), len(claims)
    counts.repeated = sum(claims.count(job) > 1 for job in jobs)


def _files(folder, job, jobs):
    """Return the content of each file of a result; assert that JSON is JSON."""
    files = {path.name: path.read_bytes() for path in (folder / "jobs" / job / jobs[job][1]).iterdir()}
    for name, data in files.items():
        if "json" in name:
            json.loads(data)
    return files


def _check_folder(folder, jobs):
    """Assert that an upload, what decoding said, and one result of each job are left, and nothing else."""
    assert {path.name for path in (folder / "jobs").iterdir()} == set(jobs)
    for job, (_, result) in jobs.items():
        assert {path.name for path in (folder / "jobs" / job).iterdir()} == {"upload", "recording.json", result}
    assert list((folder / "incoming").iterdir()) == []
