"""Back-pressure, and requests that wait for their result: too long, for nothing, or for nobody."""

import concurrent.futures
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import anyio
import pytest

pytest.importorskip("fastapi")

from support.endpoints import SYNCHRONOUS, clear, decode_wav, each_upload, files_of, problem, shared_service
from support.services import LIMITS, wait_for, wav

from diarize_runner.diarization import audio
from diarize_runner.errors import QueueError
from diarize_runner.service.keys import add_key

each_synchronous = pytest.mark.parametrize("endpoint", SYNCHRONOUS, ids=lambda each: each.path)
TIGHT = replace(LIMITS, max_queued_seconds=10.0, max_queued_jobs=4, share_per_key=0.6)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Return the file of two keys, and a header for each."""
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    return path, *({"X-API-Key": add_key(path, name)} for name in ("ours", "theirs"))


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    limits = replace(TIGHT, share_per_key=0.1)  # without keys, it does not hold
    with shared_service(tmp_path_factory, decode=decode_wav, limits=limits) as client:
        yield client


@pytest.fixture(scope="module")
def keyed(tmp_path_factory, keys):
    with shared_service(tmp_path_factory, decode=decode_wav, limits=TIGHT, key_file=keys[0]) as client:
        yield client


@pytest.fixture
def client(service):
    """Return the client of the service, which has no job."""
    clear(service)
    return service


def submit(client, name="hang.wav", seconds=4.0, headers=None):
    return client.post("/v1/jobs", files={"file": (name, wav(seconds))}, headers=headers)


def change(monkeypatch, client, **parts):
    """Replace parts of the running service."""
    monkeypatch.setitem(client.app.state._state, "service", replace(client.service, **parts))


def require_full(response):
    """Return the problem of an upload for which there is no room."""
    assert response.status_code == 429, response.text
    assert 1 <= int(response.headers["Retry-After"]) <= 3600
    return problem(response, slug="queue-full")


@pytest.fixture
def full(client):
    """Return the client of a service whose queue is full."""
    for _ in range(2):
        assert submit(client, seconds=5.0).status_code == 202
    return client


@each_upload
def test_a_full_queue_takes_no_upload(full, endpoint, monkeypatch):
    monkeypatch.setattr("diarize_runner.diarization.audio.decode_opened", lambda *_, **__: pytest.fail("it decodes"))
    before = files_of(full)
    document = require_full(endpoint.send(full))
    assert files_of(full) == before
    assert document["detail"] == "the queue has 10 s of audio in 2 jobs: the limit is 10 s"


def test_a_full_queue_is_not_ready_but_alive(full):
    for path in ("/readyz", "/ready"):
        response = full.get(path)
        assert response.status_code == 503
        problem(response, slug="not-ready")
    assert full.get("/livez").status_code == 200
    assert full.get("/health").json()["status"] == "healthy"
    clear(full)
    assert full.get("/readyz").status_code == 200


def test_a_recording_that_does_not_fit_is_refused_and_a_shorter_one_is_taken(client):
    assert submit(client, seconds=8.0).status_code == 202
    require_full(submit(client, seconds=3.0))
    assert submit(client, seconds=2.0).status_code == 202


def test_an_empty_queue_takes_a_recording_that_is_longer_than_its_room(client):
    assert submit(client, seconds=12.0).status_code == 202


def test_the_queue_takes_only_so_many_jobs(client):
    for _ in range(4):
        assert submit(client, seconds=0.1).status_code == 202
    assert require_full(submit(client, seconds=0.1))["detail"] == "the queue has 4 jobs, as many as it may have"


def test_a_key_has_only_its_share_of_the_queue(keyed, keys):
    _, ours, theirs = keys
    assert submit(keyed, seconds=6.0, headers=ours).status_code == 202
    document = require_full(submit(keyed, seconds=1.0, headers=ours))
    assert document["detail"] == "your key has 6 s of audio in 1 jobs: the limit is 6 s"
    assert submit(keyed, seconds=4.0, headers=theirs).status_code == 202
    assert require_full(submit(keyed, seconds=4.0, headers=theirs))["detail"].startswith("the queue has 10 s")


def test_a_key_leaves_room_for_the_jobs_of_others_however_short_its_own_are(keyed, keys):
    _, ours, theirs = keys
    clear(keyed, ours)
    clear(keyed, theirs)
    answers = [submit(keyed, seconds=0.1, headers=ours) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    assert require_full(answers[-1])["detail"] == "your key has 3 jobs, as many as it may have"
    assert submit(keyed, seconds=0.1, headers=theirs).status_code == 202


@each_synchronous
def test_a_request_that_takes_too_long_gets_the_link_of_its_job(client, endpoint, monkeypatch):
    settings = client.service.settings
    limits = replace(settings.limits, sync_seconds=0.0)
    change(monkeypatch, client, settings=replace(settings, limits=limits))
    response = endpoint.send(client, wav(1), "hang.wav")
    assert response.status_code == 504
    link = problem(response, slug="still-running")["job"]
    assert response.headers["Location"] == link
    assert client.get(link).json()["state"] in ("queued", "running")


class AwayQueue:
    """A queue that cannot be reached when its first jobs are looked for."""

    def __init__(self, queue, failures):
        self.queue, self.failures = queue, iter(range(failures))

    def __getattr__(self, name):
        return getattr(self.queue, name)

    def find(self, job_id):
        if next(self.failures, None) is not None:
            raise QueueError("the database is away", hint="start it")
        return self.queue.find(job_id)


def test_a_request_goes_on_waiting_while_the_queue_is_away(client, monkeypatch):
    change(monkeypatch, client, queue=AwayQueue(client.service.queue, failures=2))
    assert SYNCHRONOUS[0].send(client, wav(1)).status_code == 200


def test_a_request_waits_for_its_deadline_if_the_queue_stays_away(client, monkeypatch):
    limits = replace(client.service.settings.limits, sync_seconds=0.1)
    settings = replace(client.service.settings, limits=limits)
    change(monkeypatch, client, settings=settings, queue=AwayQueue(client.service.queue, failures=1000))
    response = SYNCHRONOUS[0].send(client, wav(1), "hang.wav")
    monkeypatch.undo()
    problem(response, slug="still-running")


class Stuck:
    """Workers that cannot load their models."""

    is_alive, is_loaded, device = True, False, "cuda"
    problem = "the models cannot be loaded from /var/cache/models: no space"

    def __init__(self, workers):
        self.cancel = workers.cancel


@pytest.fixture
def stuck(client, monkeypatch):
    """Return the client of a service whose workers claim no job."""
    hanging = submit(client).json()["id"]
    wait_for(client, hanging, "running")
    change(monkeypatch, client, workers=Stuck(client.service.workers))
    return client


@each_synchronous
def test_a_request_does_not_wait_while_no_job_can_run(stuck, endpoint):
    before = files_of(stuck)
    response = endpoint.send(stuck, wav(1))
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "60"
    assert problem(response, slug="not-ready")["detail"] == "the models cannot be loaded from models: no space"
    assert files_of(stuck) == before
    assert stuck.service.queue.counts()["queued"] == 0


def test_a_job_is_taken_while_no_job_can_run(stuck):
    assert submit(stuck, "a.wav").json()["state"] == "queued"
    response = stuck.get("/readyz")
    assert response.status_code == 503
    problem(response, slug="not-ready")
    assert stuck.get("/livez").status_code == 200
    assert stuck.get("/health").json() == {"status": "unhealthy", "model_loaded": False, "device": "cuda"}


def test_uploads_that_wait_for_a_decoder_hold_up_no_other_request(client, monkeypatch):
    """Starlette has 40 threads for all requests."""
    decode, decoding, finish = audio.decode_opened, [], threading.Event()

    def wait(*arguments, **options):
        decoding.append(arguments)
        finish.wait(30)
        return decode(*arguments, **options)

    monkeypatch.setattr(audio, "decode_opened", wait)
    with ThreadPoolExecutor(50) as pool:
        uploads = [pool.submit(submit, client, "a.wav", 0.1) for _ in range(45)]
        until(lambda: client.service.intake.decoders.statistics().tasks_waiting == 43)
        assert len(decoding) == 2
        answers = [pool.submit(client.get, path) for path in ("/livez", "/readyz", "/v1/jobs", "/metrics")]
        done, _ = concurrent.futures.wait(answers, timeout=20)
        finish.set()
        assert len(done) == len(answers)
        assert {answer.result().status_code for answer in answers} == {200}
        assert {upload.result().status_code for upload in uploads} <= {202, 429}


def test_only_so_many_uploads_wait_for_a_decoder(client, monkeypatch):
    settings, finish = client.service.settings, threading.Event()
    limits = replace(settings.limits, waiting_uploads=1)
    change(monkeypatch, client, settings=replace(settings, limits=limits))
    monkeypatch.setattr(
        audio, "decode_opened", lambda *each, **options: finish.wait(30) and decode_wav(*each, **options)
    )
    with ThreadPoolExecutor(3) as pool:
        taken = [pool.submit(submit, client, "a.wav", 0.1) for _ in range(3)]
        try:
            until(lambda: client.service.intake.decoders.statistics().tasks_waiting == 1)
            refused = submit(client, "a.wav", 0.1)
        finally:
            finish.set()
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5")
    assert problem(refused, slug="too-many-uploads")["detail"] == "1 uploads wait to be decoded"
    assert [answer.result().status_code for answer in taken] == [202, 202, 202]


class Exchange:
    """A request whose client leaves when the test says so."""

    def __init__(self, client, path, name):
        self.client, self.gone, self.statuses = client, anyio.Event(), []
        part = f'--x\r\nContent-Disposition: form-data; name="{path[1]}"; filename="{name}"\r\n\r\n'.encode()
        self.body = part + wav(1) + b"\r\n--x--\r\n"
        headers = {"host": "127.0.0.1:8000", "content-type": "multipart/form-data; boundary=x"}
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "path": path[0],
            "raw_path": path[0].encode(),
            "root_path": "",
            "scheme": "http",
            "query_string": b"",
            "headers": [(key.encode(), value.encode()) for key, value in headers.items()],
            "client": ("127.0.0.1", 50_000),
            "server": ("127.0.0.1", 8000),
        }

    async def run(self):
        await self.client.app(self.scope, self.receive, self.send)

    async def receive(self):
        if self.body is not None:
            body, self.body = self.body, None
            return {"type": "http.request", "body": body, "more_body": False}
        if not self.gone.is_set():  # as servers do: Starlette asks without waiting
            await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        self.statuses.append(message.get("status"))

    def leave(self):
        self.client.portal.call(self.gone.set)


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


@each_synchronous
@pytest.mark.parametrize("state", ["running", "queued"])
def test_a_client_that_leaves_takes_its_job_along(client, endpoint, state):
    if state == "queued":
        other = submit(client).json()["id"]
        wait_for(client, other, "running")
    exchange = client.portal.call(lambda: Exchange(client, (endpoint.path, endpoint.part), "hang.wav"))
    task = client.portal.start_task_soon(exchange.run)
    try:
        until(lambda: client.service.queue.counts()[state] == 1)
    finally:
        exchange.leave()
    task.result(60)
    counts = client.service.queue.counts()
    assert sum(counts.values()) == (1 if state == "queued" else 0)
    assert len(files_of(client)) == (1 if state == "queued" else 0)
