"""A server as a process of its own: it stops in an orderly way, dies while clients wait, or is refused."""

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import httpx
import pytest
from support.run_main import run_main
from support.service_process import LONGEST_WAIT, is_running, main, service_process, until
from support.services import wav


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("service")


@pytest.fixture(scope="module")
def server(folder):
    """Return a server that the tests of this module share; none stops it."""
    with service_process(folder) as server:
        yield server


@pytest.fixture
def client(server):
    with client_of(server) as client:
        yield client


def client_of(server):
    return httpx.Client(base_url=server.url, timeout=LONGEST_WAIT, trust_env=False)


def submit(client, name):
    """Submit a recording; return the id of its job."""
    answer = client.post("/v1/jobs", files={"file": (name, wav())})
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def ended(client, job):
    return reaches(client, job, "succeeded", "failed", "cancelled")


def reaches(client, job, *states):
    """Return the job once it is in one of the states."""

    def look():
        document = client.get(f"/v1/jobs/{job}").json()
        return document if document["state"] in states else None

    return until(look, f"job {job} is never {states}")


@pytest.mark.long
def test_a_recording_that_crashes_every_attempt_fails_and_the_others_succeed(client):
    before = submit(client, "talk.wav")
    poisoned = submit(client, "crash.wav")
    after = submit(client, "talk.wav")

    failed = ended(client, poisoned)
    assert (failed["state"], failed["attempts"]) == ("failed", 3)
    assert failed["failure"]["detail"].startswith("3 attempts crashed; the last: the model process was killed")
    assert {ended(client, job)["state"] for job in (before, after)} == {"succeeded"}


def test_a_cancelled_job_ends_at_once_and_frees_the_memory_of_its_models(client, server):
    job = submit(client, "hang.wav")
    until(lambda: client.get(f"/v1/jobs/{job}").json()["stage"] == "embeddings", server.log)
    process = server.wait_for_model_process()
    with client.stream("GET", f"/v1/jobs/{job}/events") as events:
        client_of(server).post(f"/v1/jobs/{job}/cancel")
        assert "event: ended" in list(events.iter_lines())  # the model process would hang for ten minutes

    assert client.get(f"/v1/jobs/{job}").json()["state"] == "cancelled"
    assert until(lambda: not is_running(process), "the model process lives on")
    assert ended(client, submit(client, "talk.wav"))["state"] == "succeeded"


@pytest.fixture
def stopped_at_once(monkeypatch):
    """Let a server in this process set the place of temporary files, and stop as soon as it would take requests."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr("diarize_runner.service.server._run", lambda *_: None)


@pytest.mark.usefixtures("stopped_at_once")
@pytest.mark.long
def test_a_client_that_waits_as_retry_after_says_can_use_its_connection_again(server):
    connection = HTTPConnection(server.url.removeprefix("http://"), timeout=LONGEST_WAIT)
    for seconds in (0, 5.5):
        time.sleep(seconds)
        connection.request("GET", "/livez")
        assert connection.getresponse().read()
        connection.auto_open = 0  # or it would connect again
    connection.close()


def test_a_second_server_of_a_folder_is_refused(server, folder, capsys):
    done = run_main(capsys, main, "--folder", folder, "--port", 0)

    assert done.exit_code == 2
    assert done.stderr.startswith(f"error: another server uses {folder}\nhint: stop it, or use another --folder; ")


@pytest.mark.usefixtures("stopped_at_once")
def test_a_port_that_is_in_use_is_refused(server, tmp_path, capsys):
    port = server.url.rpartition(":")[2]
    done = run_main(capsys, main, "--folder", tmp_path, "--port", port)

    assert done.exit_code == 2
    assert done.stderr.startswith(f"error: cannot serve 127.0.0.1, port {port}: Address already in use\nhint: ")


@pytest.mark.long
def test_sigterm_during_a_job_loses_no_attempt_and_the_next_start_finishes_it(tmp_path):
    with service_process(tmp_path) as server, client_of(server) as client:
        job = submit(client, "slow.wav")
        reaches(client, job, "running")
        assert server.terminate() == 0
        assert server.log[-1] == "stopped"
    with service_process(tmp_path) as server, client_of(server) as client:
        document = ended(client, job)
        assert (document["state"], document["attempts"]) == ("succeeded", 1)


@pytest.mark.long
def test_sigterm_ends_the_server_although_clients_wait(tmp_path):
    with service_process(tmp_path) as server, client_of(server) as client:
        job = submit(client, "hang.wav")
        reaches(client, job, "running")
        with ThreadPoolExecutor() as waiting, client.stream("GET", f"/v1/jobs/{job}/events") as events:
            next(events.iter_lines())
            answer = waiting.submit(whole_answer, server, "/v1/diarize", "talk.wav")
            until(lambda: len(client_of(server).get("/v1/jobs").json()["jobs"]) == 2, server.log)

            assert server.terminate() == 0  # the synchronous request would wait for ten minutes
        assert answer.result() == 503


@pytest.mark.long
def test_clients_of_a_killed_server_get_errors_and_no_halves(tmp_path):
    clients = 6
    with service_process(tmp_path) as server, ThreadPoolExecutor(clients) as waiting:
        answers = [waiting.submit(whole_answer, server, "/v1/diarize", "hang.wav") for _ in range(clients)]
        server.wait_for_model_process()
        server.kill()
        assert {answer.result() for answer in answers} == {None}
    with service_process(tmp_path) as server, client_of(server) as client:
        known = {each["id"] for each in client.get("/v1/jobs").json()["jobs"]}
        assert {path.name for path in (tmp_path / "jobs").iterdir()} == known
        assert list((tmp_path / "incoming").glob("*/*")) == []


def whole_answer(server, path, name):
    """Return the status of a response that arrived completely; None if the connection broke."""
    with client_of(server) as client:
        try:
            return client.post(path, files={"file": (name, wav())}).status_code
        except httpx.TransportError:
            return None
