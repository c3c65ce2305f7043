"""What a key may see: its own jobs, and nothing of another key's."""

import logging
import re

import pytest

pytest.importorskip("fastapi")

from fastapi.routing import iter_route_contexts
from support.endpoints import decode_wav, each_upload, files_of, problem, shared_service
from support.services import wait_for, wav

from diarize_runner.service.keys import add_key
from diarize_runner.service.web.access import OPEN_PATHS

OF_A_JOB = (
    ("GET", "/v1/jobs/{}"),
    ("GET", "/v1/jobs/{}/events"),
    ("GET", "/v1/jobs/{}/result"),
    ("GET", "/v1/jobs/{}/result?format=rttm"),
    ("GET", "/status/{}"),
    ("GET", "/api/v1/queue/{}"),
    ("POST", "/v1/jobs/{}/cancel"),
    ("DELETE", "/v1/jobs/{}"),
)
"""Every endpoint that takes the id of a job; the last one deletes it."""


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Return the file of two keys, and a header for each."""
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    ours, theirs = add_key(path, "ours"), add_key(path, "theirs")
    return path, {"Authorization": f"Bearer {ours}"}, {"X-API-Key": theirs}


@pytest.fixture(scope="module")
def client(tmp_path_factory, keys):
    with shared_service(tmp_path_factory, decode=decode_wav, key_file=keys[0]) as client:
        yield client


@pytest.fixture(scope="module")
def finished(client, keys):
    """Return the id of a finished job of our key."""
    job = client.post("/v1/jobs", files={"file": ("a.wav", wav())}, headers=keys[1]).json()
    wait_for(client, job["id"], headers=keys[1])
    return job["id"]


def endpoints(client):
    """Return the method and path of each endpoint of the application."""
    return [
        (method, context.path)
        for context in iter_route_contexts(client.app.routes)
        for method in sorted(context.methods or ())
    ]


def test_the_endpoints_of_a_job_are_all_known_here(client):
    found = {(method, re.sub(r"\{\w+\}", "{}", path)) for method, path in endpoints(client) if "{" in path}
    expected = {(method, path.split("?")[0]) for method, path in OF_A_JOB}
    assert {(method, path) for method, path in found if method != "HEAD"} == expected


@pytest.mark.parametrize(("method", "path"), OF_A_JOB)
def test_a_key_finds_no_job_of_another_key(client, keys, finished, method, path):
    _, ours, theirs = keys
    response = client.request(method, path.format(finished), headers=theirs)
    assert response.status_code == 404
    problem(response, slug="job-not-found")
    unknown = client.request(method, path.format("0" * 32), headers=theirs)
    assert {**response.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}
    assert client.get(f"/v1/jobs/{finished}", headers=ours).json()["state"] == "succeeded"
    assert client.get(f"/v1/jobs/{finished}/result", headers=ours).status_code == 200
    assert finished in files_of(client)


@pytest.mark.parametrize(("method", "path"), OF_A_JOB[:-1])
def test_a_key_finds_its_own_job(client, keys, finished, method, path):
    assert client.request(method, path.format(finished), headers=keys[1]).status_code == 200


def test_a_running_job_is_not_cancelled_by_another_key(client, keys):
    _, ours, theirs = keys
    job = client.post("/v1/jobs", files={"file": ("hang.wav", wav(1))}, headers=ours).json()
    wait_for(client, job["id"], "running", headers=ours)
    assert client.post(f"/v1/jobs/{job['id']}/cancel", headers=theirs).status_code == 404
    assert client.delete(f"/v1/jobs/{job['id']}", headers=theirs).status_code == 404
    found = client.service.queue.find(job["id"])
    assert (found.state, found.cancel_requested) == ("running", False)
    assert client.delete(f"/v1/jobs/{job['id']}", headers=ours).status_code == 204


def test_a_key_lists_only_its_own_jobs(client, keys, finished):
    _, ours, theirs = keys
    assert finished in [job["id"] for job in client.get("/v1/jobs", headers=ours).json()["jobs"]]
    assert client.get("/v1/jobs", headers=theirs).json() == {"jobs": [], "next_cursor": None}
    cursor = client.service.queue.find(finished).cursor
    assert client.get("/v1/jobs", params={"cursor": cursor}, headers=theirs).json()["jobs"] == []


def test_two_keys_may_use_the_same_idempotency_key(client, keys):
    sent = [{**key, "Idempotency-Key": "same"} for key in keys[1:]]
    answers = [client.post("/v1/jobs", files={"file": ("a.wav", wav(1))}, headers=headers) for headers in sent]
    ids = {answer.json()["id"] for answer in answers}
    assert len(ids) == 2


def test_no_path_but_those_of_probes_answers_without_a_key(client, finished):
    paths = endpoints(client)
    assert len(paths) > 20
    answered = set()
    for method, path in paths:
        response = client.request(method, re.sub(r"\{\w+\}", finished, path))
        if response.status_code != 401:
            answered.add(path)
        elif method != "HEAD":
            assert response.headers["WWW-Authenticate"].startswith("Bearer")
            problem(response, slug="unauthorized")
    assert answered == OPEN_PATHS


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/no/such/path", "/v1/jobs/", "//v1/jobs"])
def test_a_path_that_is_not_served_needs_a_key_too(client, path):
    assert client.get(path).status_code == 401


@each_upload
def test_an_upload_with_a_wrong_key_leaves_nothing(client, endpoint):
    before = files_of(client)
    response = endpoint.send(client, headers={"Authorization": "Bearer wrong"})
    assert response.status_code == 401
    assert files_of(client) == before


def test_the_log_has_no_key_no_content_and_no_name_of_a_file(client, keys, caplog):
    _, ours, _ = keys
    caplog.set_level("DEBUG")
    secret = "a-private-name"
    words = b"1\n00:00:00,000 --> 00:00:01,000\nPrivate words.\n"
    for name in (f"{secret}.wav", "fail.wav"):
        files = {"file": (name, wav(1)), "transcript": ("private.srt", words)}
        answer = client.post("/v1/audio/transcriptions", files=files, data={"response_format": "text"}, headers=ours)
        assert answer.status_code in (200, 422)
    client.post("/v1/diarize", files={"file": (f"{secret}.wav", b"Private words.")}, headers=ours)
    client.get(f"/v1/jobs?cursor={secret}", headers={"X-API-Key": "Private-key"})
    records = [record for record in caplog.records if not record.name.startswith("httpx")]  # the client of this test
    lines = [logging.Formatter().format(record) for record in records]
    assert any('"path": "/v1/audio/transcriptions"' in line for line in lines)
    assert any('"key": "ours"' in line for line in lines)
    for private in (secret, "Private", "Word 0", *ours.values(), ours["Authorization"].split(" ")[1]):
        assert [line for line in lines if private in line] == []
