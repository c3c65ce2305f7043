"""Jobs: submit, list, follow, fetch, cancel and delete them."""

import json
import threading
import time

import pytest

pytest.importorskip("fastapi")

from support.endpoints import clear, decode_wav, files_of, problem, shared_service
from support.services import wait_for, wav

from diarize_runner.service.results import RESULT_FORMATS

SRT = b"1\n00:00:00,100 --> 00:00:01,500\nHello there.\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with shared_service(tmp_path_factory, decode=decode_wav) as client:
        yield client


@pytest.fixture
def client(service):
    """Return the client of the service, which has no job."""
    clear(service)
    return service


def submit(client, name="a.wav", content=None, headers=None, **form):
    files = {"file": (name, wav(1) if content is None else content)}
    response = client.post("/v1/jobs", files=files, data=form, headers=headers)
    assert response.status_code == 202, response.text
    return response.json()


def events_of(client, job_id):
    with client.stream("GET", f"/v1/jobs/{job_id}/events") as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        return parse("".join(response.iter_text()))


def parse(text):
    """Return the name and data of each event."""
    sent = [block for block in text.split("\n\n") if block.startswith("event")]
    blocks = [dict(line.split(": ", 1) for line in block.splitlines()) for block in sent]
    return [(block["event"], json.loads(block["data"])) for block in blocks]


def test_a_submitted_job_has_a_location(client):
    response = client.post("/v1/jobs", files={"file": ("a.wav", wav(4))})
    job = response.json()
    assert response.status_code == 202
    assert response.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert (job["state"], job["task"], job["name"], job["audio_seconds"]) == ("queued", "diarize", "a.wav", 4.0)
    ended = wait_for(client, job["id"])
    assert (ended["state"], ended["progress"], ended["processing_seconds"]) == ("succeeded", 1.0, 0.5)
    assert client.get(ended["links"]["result"]).json()["speakers"] == ["SPEAKER_00", "SPEAKER_01"]
    assert ended["created_at"] <= ended["started_at"] <= ended["finished_at"]


def test_a_listing_has_each_job_once_and_the_newest_first(client):
    submitted = [submit(client)["id"] for _ in range(7)]
    found, cursor = [], None
    while True:
        page = client.get("/v1/jobs", params={"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
        assert 1 <= len(page["jobs"]) <= 3
        found += [job["id"] for job in page["jobs"]]
        if (cursor := page["next_cursor"]) is None:
            break
        if len(found) == 3:
            submit(client)  # a new job appears on no later page
    assert found == submitted[::-1]


def test_a_listing_shows_one_state(client):
    hanging = submit(client, "hang.wav")["id"]
    wait_for(client, hanging, "running")
    waiting = submit(client)["id"]
    listed = {
        state: [job["id"] for job in client.get("/v1/jobs", params={"state": state}).json()["jobs"]]
        for state in ("queued", "running", "succeeded")
    }
    assert listed == {"queued": [waiting], "running": [hanging], "succeeded": []}


@pytest.mark.parametrize("query", [{"cursor": "x"}, {"limit": 0}, {"limit": 5000}, {"state": "lost"}], ids=str)
def test_an_impossible_listing_is_refused(client, query):
    response = client.get("/v1/jobs", params=query)
    assert response.status_code == 422
    problem(response)


@pytest.mark.long
def test_events_tell_of_the_progress_and_of_the_end(client):
    job = submit(client, "slow.wav", wav(4))
    events = events_of(client, job["id"])
    assert [name for name, _ in events[:-1]] == ["progress"] * (len(events) - 1)
    assert events[-1] == ("ended", {"state": "succeeded", "stage": events[-1][1]["stage"], "progress": 1.0})
    assert len(events) > 2
    progress = [data["progress"] for _, data in events]
    assert progress == sorted(progress)
    assert len({json.dumps(data) for _, data in events}) == len(events)


def test_events_of_an_ended_job_end_at_once(client):
    job = submit(client, "fail.wav")
    wait_for(client, job["id"])
    assert [(name, data["state"]) for name, data in events_of(client, job["id"])] == [("ended", "failed")]


def test_events_of_a_deleted_job_end(client):
    job = submit(client, "hang.wav")
    wait_for(client, job["id"], "running")
    found = []
    reader = threading.Thread(target=lambda: found.extend(events_of(client, job["id"])))
    reader.start()
    deadline = time.monotonic() + 20
    while not client.service.changes._watches.get(job["id"]) and time.monotonic() < deadline:
        time.sleep(0.01)
    client.delete(f"/v1/jobs/{job['id']}")
    reader.join(20)
    assert found
    assert found[-1][0] in ("deleted", "ended")


@pytest.mark.parametrize(
    "path", ["", "/events", "/result", "/result?format=rttm"], ids=["job", "events", "result", "format"]
)
def test_an_unknown_job_is_not_found(client, path):
    response = client.get(f"/v1/jobs/{'0' * 32}{path}")
    assert response.status_code == 404
    problem(response, slug="job-not-found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/jobs/{}/cancel"),
        ("DELETE", "/v1/jobs/{}"),
        ("GET", "/status/{}"),
        ("GET", "/api/v1/queue/{}"),
    ],
)
@pytest.mark.parametrize("job_id", ["0" * 32, "x", "%00", "%2e%2e", "%2e%2e%2fqueue.db", "a" * 5000])
def test_no_endpoint_finds_an_unknown_job(client, method, path, job_id):
    response = client.request(method, path.format(job_id))
    assert response.status_code in (404, 405)
    problem(response)


@pytest.mark.parametrize("with_transcript", [True, False], ids=["with a transcript", "without"])
def test_a_result_has_each_format_or_says_why_not(client, with_transcript):
    files = {"file": ("my call.wav", wav(4)), **({"transcript": ("t.srt", SRT)} if with_transcript else {})}
    job = client.post("/v1/jobs", files=files).json()
    wait_for(client, job["id"])
    missing = set()
    for kind in RESULT_FORMATS:
        response = client.get(f"/v1/jobs/{job['id']}/result", params={"format": kind})
        if response.status_code == 409:
            problem(response, slug="no-such-result")
            missing.add(kind)
            continue
        assert response.status_code == 200, (kind, response.text)
        assert response.content
        assert response.headers["content-disposition"].startswith('attachment; filename="my_call.')
        if kind.startswith("json"):
            assert response.headers["content-type"] == "application/json"
            response.json()
    assert "rttm" not in missing
    assert "json" not in missing
    assert (missing == set()) is with_transcript


def test_an_unknown_format_is_refused_even_before_the_job_has_ended(client):
    job = submit(client, "hang.wav")
    response = client.get(f"/v1/jobs/{job['id']}/result?format=docx")
    assert response.status_code == 422
    assert "srt" in problem(response)["hint"]


def test_a_job_that_has_not_ended_has_no_result(client):
    job = submit(client, "hang.wav")
    response = client.get(f"/v1/jobs/{job['id']}/result")
    assert response.status_code == 409
    problem(response, slug="job-not-finished")


def test_a_failed_job_says_why_instead_of_a_result(client):
    job = submit(client, "fail.wav")
    assert wait_for(client, job["id"])["failure"] == {"detail": "the pipeline failed on it", "hint": "try another"}
    response = client.get(f"/v1/jobs/{job['id']}/result")
    assert response.status_code == 422
    problem(response, slug="job-failed")


def test_a_recording_that_kills_the_model_process_fails_and_the_next_succeeds(client):
    job, following = submit(client, "crash.wav"), submit(client)
    assert wait_for(client, job["id"])["attempts"] == 3
    assert wait_for(client, following["id"])["state"] == "succeeded"


def test_a_queued_job_is_cancelled_at_once(client):
    hanging, waiting = submit(client, "hang.wav"), submit(client)
    wait_for(client, hanging["id"], "running")
    assert client.post(f"/v1/jobs/{waiting['id']}/cancel").json()["state"] == "cancelled"
    response = client.get(f"/v1/jobs/{waiting['id']}/result")
    assert response.status_code == 409
    problem(response, slug="job-cancelled")


def test_a_running_job_is_cancelled_and_the_next_one_runs(client):
    hanging, waiting = submit(client, "hang.wav"), submit(client)
    wait_for(client, hanging["id"], "running")
    began = time.monotonic()
    client.post(f"/v1/jobs/{hanging['id']}/cancel")
    assert wait_for(client, hanging["id"], "cancelled")["state"] == "cancelled"
    assert time.monotonic() - began < 2
    assert wait_for(client, waiting["id"])["state"] == "succeeded"


def test_a_job_that_has_ended_stays_as_it_is(client):
    job = submit(client)
    wait_for(client, job["id"])
    assert client.post(f"/v1/jobs/{job['id']}/cancel").json()["state"] == "succeeded"
    assert client.get(f"/v1/jobs/{job['id']}/result").status_code == 200


@pytest.mark.parametrize(("name", "state"), [("a.wav", "succeeded"), ("hang.wav", "running")])
def test_a_deleted_job_leaves_nothing(client, name, state):
    job = submit(client, name)
    wait_for(client, job["id"], state)
    assert files_of(client) == [job["id"]]
    assert client.delete(f"/v1/jobs/{job['id']}").status_code == 204
    assert client.get(f"/v1/jobs/{job['id']}").status_code == 404
    assert client.delete(f"/v1/jobs/{job['id']}").status_code == 404
    assert (files_of(client), client.service.queue.find(job["id"])) == ([], None)
    assert wait_for(client, submit(client)["id"])["state"] == "succeeded"


def test_the_samples_of_an_ended_job_are_removed(client):
    job = submit(client)
    wait_for(client, job["id"])
    names = sorted(path.name for path in client.service.folder.job(job["id"]).path.iterdir())
    assert [name for name in names if not name.startswith("result-")] == ["recording.json", "upload"]


def test_a_repeated_request_gets_the_first_job(client):
    key = {"Idempotency-Key": "once"}
    first, second = submit(client, headers=key), submit(client, headers=key)
    assert first["id"] == second["id"]
    assert submit(client)["id"] != first["id"]
    assert len(client.get("/v1/jobs").json()["jobs"]) == 2
    assert len(files_of(client)) == 2


@pytest.mark.parametrize("change", ["upload", "hints", "transcript", "name"])
def test_an_idempotency_key_of_another_request_is_refused(client, change):
    submit(client, headers={"Idempotency-Key": "once"})
    files = {"file": ("b.wav" if change == "name" else "a.wav", wav(2 if change == "upload" else 1))}
    files |= {"transcript": ("t.srt", SRT)} if change == "transcript" else {}
    form = {"num_speakers": "2"} if change == "hints" else {}
    response = client.post("/v1/jobs", files=files, data=form, headers={"Idempotency-Key": "once"})
    assert response.status_code == 422
    problem(response, slug="idempotency-conflict")
    assert len(files_of(client)) == 1


def test_a_job_that_is_deleted_frees_its_idempotency_key(client):
    key = {"Idempotency-Key": "once"}
    first = submit(client, headers=key)
    client.delete(f"/v1/jobs/{first['id']}")
    assert submit(client, headers=key)["id"] != first["id"]
