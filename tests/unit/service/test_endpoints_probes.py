"""Probes and metrics, also while the server is busy."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("fastapi")

from prometheus_client.parser import text_string_to_metric_families
from support.endpoints import clear, decode_wav, shared_service
from support.services import wait_for, wav

from diarize_runner.diarization import audio
from diarize_runner.errors import QueueError

PROBES = ("/livez", "/readyz", "/ready", "/health")


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with shared_service(tmp_path_factory, decode=decode_wav) as client:
        yield client


@pytest.fixture
def client(service):
    """Return the client of the service, which has no job."""
    clear(service)
    return service


def submit(client, name):
    return client.post("/v1/jobs", files={"file": (name, wav(1))}).json()["id"]


def samples(client, name):
    """Return the value of each sample of a metric, by its labels."""
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    families = text_string_to_metric_families(response.text)
    found = [sample for family in families for sample in family.samples if sample.name == name]
    return {tuple(sample.labels.values()): sample.value for sample in found}


def test_metrics_count_the_jobs_of_the_queue_by_state(client):
    wait_for(client, submit(client, "a.wav"))
    wait_for(client, submit(client, "fail.wav"))
    wait_for(client, submit(client, "hang.wav"), "running")
    submit(client, "b.wav")
    assert samples(client, "diarize_runner_jobs") == {
        ("queued",): 1, ("running",): 1, ("succeeded",): 1, ("failed",): 1, ("cancelled",): 0,
    }  # fmt: skip
    assert samples(client, "diarize_runner_queued_audio_seconds") == {(): 2.0}


def test_metrics_count_the_jobs_that_ended(client):
    before = samples(client, "diarize_runner_jobs_ended_total")
    audio_before = samples(client, "diarize_runner_audio_seconds_total").get((), 0)
    wait_for(client, submit(client, "a.wav"))
    wait_for(client, submit(client, "fail.wav"))
    wait_for(client, submit(client, "b.wav"))
    after = samples(client, "diarize_runner_jobs_ended_total")
    assert {state: after[state] - before.get(state, 0) for state in after if state != ("cancelled",)} == {
        ("succeeded",): 2,
        ("failed",): 1,
    }
    assert samples(client, "diarize_runner_audio_seconds_total")[()] - audio_before == 2.0


def test_metrics_name_no_id_of_a_job(client):
    job_id = submit(client, "a.wav")
    wait_for(client, job_id)
    assert ("GET /v1/jobs/{job_id}", "200") in samples(client, "diarize_runner_request_seconds_count")
    assert job_id not in client.get("/metrics").text


def test_metrics_name_no_method_that_an_endpoint_does_not_have(client):
    assert client.request("INVENTED", "/v1/jobs").status_code == 405
    assert ("other /v1/jobs", "405") in samples(client, "diarize_runner_request_seconds_count")
    assert "INVENTED" not in client.get("/metrics").text


@pytest.mark.parametrize("path", PROBES)
def test_probes_answer_while_a_job_runs_and_two_uploads_decode(client, path, monkeypatch):
    """They answer while nothing else can go on: the job never ends, and neither do the decoders before the answer."""
    wait_for(client, submit(client, "hang.wav"), "running")
    decoding, finish = threading.Semaphore(0), threading.Event()

    def wait(*arguments, **options):
        decoding.release()
        finish.wait(30)
        return decode_wav(*arguments, **options)

    monkeypatch.setattr(audio, "decode_opened", wait)
    with ThreadPoolExecutor(3) as pool:
        uploads = [pool.submit(submit, client, "a.wav") for _ in range(2)]
        try:
            assert all(decoding.acquire(timeout=20) for _ in uploads)
            assert pool.submit(client.get, path).result(20).status_code == 200
            assert not any(upload.done() for upload in uploads)
        finally:
            finish.set()
        assert len({upload.result(20) for upload in uploads}) == 2


def test_the_version_is_that_of_the_package(client):
    assert client.get("/version").json().keys() == {"version"}


class AwayQueue:
    """A queue that cannot be reached."""

    def find(self, _job_id):
        raise QueueError("the database is away", hint="start it")


def test_a_job_ends_although_the_queue_is_away_when_it_is_to_be_counted(client, monkeypatch):
    monkeypatch.setattr(client.service.workers, "queue", AwayQueue())
    job = wait_for(client, submit(client, "a.wav"), seconds=20)
    assert (job["state"], job["attempts"]) == ("succeeded", 1)
    assert client.get("/livez").status_code == 200
