"""When the files of a job are removed."""

import shutil
import threading

import pytest

pytest.importorskip("fastapi")

from diarize_runner.errors import DiskError
from diarize_runner.service.folder import ServiceFolder
from diarize_runner.service.queue.database import open_database
from diarize_runner.service.queue.job import JobFailure, NewJob
from diarize_runner.service.queue.queue import Queue
from diarize_runner.service.retention import Retention
from diarize_runner.service.work import Work
from diarize_runner.service.workers.results import write_result

HOUR = 3600.0


class Clock:
    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def folder(tmp_path):
    folder = ServiceFolder(path=tmp_path / "service")
    folder.create()
    return folder


@pytest.fixture
def queue(folder, clock):
    engine = open_database(folder.queue_url)
    yield Queue(engine=engine, clock=clock)
    engine.dispose()


@pytest.fixture
def retention(queue, folder, clock):
    return Retention(queue, folder, HOUR, clock)


def add(queue, folder, job_id):
    with folder.new_job(job_id) as files:
        files.samples.write_bytes(b"samples")
    return queue.add(NewJob(id=job_id, owner="", work=Work().encode(), model="m", audio_seconds=1.0))


def names(folder):
    return sorted(path.name for path in folder.jobs.iterdir())


@pytest.mark.parametrize("end", ["succeed", "fail", "cancel"])
def test_an_ended_job_is_kept_for_the_retention_time(queue, folder, retention, clock, end):
    add(queue, folder, "a")
    claim = queue.claim("box", model=None, sticky_since=0.0)
    if end == "succeed":
        queue.succeed(claim, result="result", processing_seconds=1.0)
    elif end == "fail":
        queue.fail(claim, JobFailure(kind="PipelineError", message="no", hint=""))
    else:
        queue.cancel("a")
        queue.cancelled(claim)
    clock.now += HOUR
    assert retention.remove_ended() == 0
    assert (names(folder), queue.find("a") is None) == (["a"], False)
    clock.now += 1
    assert retention.remove_ended() == 1
    assert (names(folder), queue.find("a")) == ([], None)


def test_a_job_that_has_not_ended_is_never_removed(queue, folder, retention, clock):
    add(queue, folder, "running")
    queue.claim("box", model=None, sticky_since=0.0)
    add(queue, folder, "queued")
    clock.now += 1000 * HOUR
    assert retention.remove_ended() == 0
    assert names(folder) == ["queued", "running"]


def test_more_jobs_than_one_look_finds_are_removed(queue, folder, retention, clock, monkeypatch):
    monkeypatch.setattr("diarize_runner.service.retention._AT_ONCE", 2)
    for number in range(5):
        add(queue, folder, f"{number}")
        queue.cancel(f"{number}")
    clock.now += HOUR + 1
    assert retention.remove_ended() == 5
    assert names(folder) == []


def test_an_error_of_the_disk_does_not_end_the_retention(queue, folder, retention, clock, monkeypatch, caplog):
    add(queue, folder, "a")
    queue.cancel("a")
    clock.now += HOUR + 1
    stop = threading.Event()

    def fail(_self, _job_id):
        stop.set()
        raise DiskError("the disk refuses", hint="")

    monkeypatch.setattr(ServiceFolder, "remove_job", fail)
    retention.run(stop)
    assert "ended jobs are not removed: the disk refuses" in caplog.text
    assert queue.find("a")


def test_a_worker_adds_no_file_to_a_job_that_is_being_removed(queue, folder, monkeypatch):
    add(queue, folder, "a")
    remove = shutil.rmtree

    def write_meanwhile(path, **options):
        monkeypatch.undo()
        with pytest.raises(DiskError):
            write_result(folder.job("a").result("result-1"), {"json": b"{}"})
        remove(path, **options)

    monkeypatch.setattr("diarize_runner.service.folder.shutil.rmtree", write_meanwhile)
    folder.remove_job("a")
    assert names(folder) == []


def test_a_worker_may_remove_files_of_a_job_that_is_being_removed(queue, folder, monkeypatch):
    add(queue, folder, "a")
    folder.job("a").upload.write_bytes(b"upload")

    def lose_a_race(path, **_):
        monkeypatch.undo()
        next(path.iterdir()).unlink()
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr("diarize_runner.service.folder.shutil.rmtree", lose_a_race)
    folder.remove_job("a")
    assert names(folder) == []


def test_a_job_without_files_is_removed(folder):
    folder.remove_job("a")
    assert names(folder) == []


def keep_half(folder):
    with folder.new_job("a") as files:
        files.upload.write_bytes(b"half")
        raise RuntimeError


def test_an_upload_that_cannot_be_kept_leaves_no_folder(folder):
    with pytest.raises(RuntimeError):
        keep_half(folder)
    assert names(folder) == []
