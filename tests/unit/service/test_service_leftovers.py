"""What a killed server left is gone after the next start, and nothing else."""

import fcntl

import pytest
from support.queues import claim, new_job, open_queue

from diarize_runner.service.folder import ServiceFolder
from diarize_runner.service.leftovers import Leftovers


@pytest.fixture
def folder(tmp_path):
    folder = ServiceFolder(path=tmp_path)
    folder.create()
    return folder


@pytest.fixture
def queue(folder):
    return open_queue(folder.queue_url)


@pytest.fixture
def remove(folder, queue):
    return Leftovers(folder=folder, queue=queue, box="box").remove


def add(folder, queue, job):
    """Add a job with files of three attempts."""
    queue.add(new_job(job))
    for name in ("upload", "samples.f32", "result-one/json", "result-two/json", ".draft-result-three/json"):
        path = folder.job(job).path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def names(path):
    return {each.name for each in path.iterdir()}


def test_uploads_without_a_job_are_removed(folder, queue, remove):
    add(folder, queue, "known")
    for name in (".new-draft", "orphan"):
        (folder.jobs / name).mkdir()
        (folder.jobs / name / "upload").write_text("recording")
    (folder.incoming / "body").write_text("half a body")

    remove()

    assert names(folder.jobs) == {"known"}
    assert names(folder.incoming) == set()


def test_an_ended_job_keeps_its_upload_and_its_result(folder, queue, remove):
    add(folder, queue, "job")
    queue.succeed(claim(queue), result="result-two", processing_seconds=1.0)

    remove()

    assert names(folder.job("job").path) == {"upload", "result-two"}


def test_a_job_that_the_killed_server_ran_keeps_what_its_next_attempt_needs(folder, queue, remove):
    add(folder, queue, "job")
    claim(queue, box="box")

    remove()

    assert names(folder.job("job").path) == {"upload", "samples.f32"}
    assert queue.find("job").state == "queued"


def test_a_job_that_another_box_runs_is_left_alone(folder, queue, remove):
    add(folder, queue, "job")
    before = names(folder.job("job").path)
    claim(queue, box="other")

    remove()

    assert names(folder.job("job").path) == before


def test_nothing_is_removed_while_the_server_of_another_box_takes_uploads(folder, remove):
    (folder.jobs / "upload-of-the-other").mkdir()
    (folder.incoming / "body").write_text("half a body")
    with (folder.path / "other.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        remove()
        assert names(folder.jobs) == {"upload-of-the-other"}
        assert names(folder.incoming) == {"body"}

    remove()
    assert names(folder.jobs) == set()
