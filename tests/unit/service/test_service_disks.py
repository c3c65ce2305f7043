"""The disk of a service is full, read-only or damaged: errors say so, and nothing is lost."""

import os
import tempfile
from contextlib import suppress

import pytest
from support.disks import make_read_only, mounted
from support.queues import new_job, open_queue
from support.run_main import run_main
from support.service_process import main, until
from support.services import running_service, wait_for, wav

from diarize_runner.service import server
from diarize_runner.service.folder import ServiceFolder

PAGE = 4096
_FOR_THE_QUEUE = 12 * PAGE
"""Less than a result takes."""


@pytest.fixture(autouse=True)
def stopped_at_once(monkeypatch):
    """Let a server of `main` set the place of temporary files, and stop as soon as it would take requests."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(server, "_run", lambda *_: None)


@pytest.fixture
def disk(tmp_path):
    """Return a folder on a disk of four megabytes; skip the test where that is not allowed."""
    with mounted(tmp_path / "disk", "size=4m") as disk:
        yield disk


def fill(disk):
    """Leave no byte of a disk; return the file that takes them."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(PAGE))
    return filler


def submit(client, name="talk.wav", seconds=4.0):
    return client.post("/v1/jobs", files={"file": (name, wav(seconds))})


class TestFullDisk:
    @pytest.mark.parametrize("seconds", [4.0, 60.0], ids=["short", "long"])
    def test_it_refuses_an_upload_with_507_and_takes_it_when_there_is_space(self, disk, seconds, monkeypatch):
        with running_service(disk / "service") as client:
            monkeypatch.setattr(tempfile, "tempdir", str(disk / "service/incoming"))
            filler = fill(disk)
            refused = submit(client, seconds=seconds)
            assert (refused.status_code, refused.json()["type"]) == (507, "urn:diarize-runner:problem:storage-full")
            assert list((disk / "service/jobs").iterdir()) == []

            filler.unlink()
            accepted = submit(client)
            assert accepted.status_code == 202
            assert wait_for(client, accepted.json()["id"])["state"] == "succeeded"

    @pytest.mark.long
    def test_a_job_waits_for_space_and_succeeds_with_its_first_attempt(self, disk):
        with running_service(disk / "service") as client:
            job = submit(client, "slow.wav").json()["id"]
            wait_for(client, job, "running")
            filler = fill(disk)
            os.truncate(filler, filler.stat().st_size - _FOR_THE_QUEUE)  # it would wait for the lease to expire
            until(lambda: client.service.workers.problem, "the workers do not notice that the disk is full")
            filler.unlink()
            document = wait_for(client, job, seconds=120)
        assert (document["state"], document["attempts"]) == ("succeeded", 1)

    def test_a_server_does_not_start_on_it(self, disk, capsys):
        fill(disk)
        done = run_main(capsys, main, "--folder", disk, "--port", 0)
        assert done.exit_code == 1
        assert "No space left on device" in done.stderr or "is full" in done.stderr
        assert "hint: free some space" in done.stderr


class TestReadOnlyFolder:
    def test_a_server_does_not_start_on_it(self, disk, capsys):
        ServiceFolder(path=disk).create()
        make_read_only(disk)
        done = run_main(capsys, main, "--folder", disk, "--port", 0)
        assert done.exit_code == 1
        assert done.stderr.startswith(f"error: {disk}")
        assert "Read-only file system" in done.stderr
        assert "hint: choose a writable folder" in done.stderr


def damaged_header(data):
    return bytes(100) + data[100:]


def damaged_page(data):
    return data[: 4 * PAGE] + bytes(255 for _ in range(PAGE)) + data[5 * PAGE :]


def truncated(data):
    return data[: len(data) // 2]


def other_file(_data):
    return b"this is no database, but a text that someone saved here\n" * 100


@pytest.mark.parametrize("damage", [damaged_header, damaged_page, truncated, other_file])
def test_a_server_refuses_a_damaged_queue_and_leaves_everything_as_it_is(damage, tmp_path, capsys):
    folder = ServiceFolder(path=tmp_path)
    folder.create()
    queue = open_queue(folder.queue_url)
    for number in range(30):
        queue.add(new_job(f"{number:02}", work="{}" * 200))
    queue.engine.dispose()
    upload = folder.jobs / "00/upload"
    upload.parent.mkdir()
    upload.write_bytes(b"recording")
    damaged = damage((tmp_path / "queue.db").read_bytes())
    (tmp_path / "queue.db").write_bytes(damaged)

    done = run_main(capsys, main, "--folder", tmp_path, "--port", 0)

    assert done.exit_code == 1
    assert done.stderr.startswith("error: the queue's database")
    assert "hint: move the file away or restore it" in done.stderr
    assert (tmp_path / "queue.db").read_bytes() == damaged
    assert upload.read_bytes() == b"recording"


def test_a_server_keeps_the_files_of_jobs_whose_queue_was_moved_away(tmp_path, capsys):
    upload = tmp_path / "jobs/00/upload"
    upload.parent.mkdir(parents=True)
    upload.write_bytes(b"recording")

    first = run_main(capsys, main, "--folder", tmp_path, "--port", 0)
    second = run_main(capsys, main, "--folder", tmp_path, "--port", 0)

    (aside,) = tmp_path.glob("jobs-without-queue-*")
    assert f"{tmp_path} has no queue: the files of its jobs are in {aside.name}" in first.stderr
    assert "has no queue" not in second.stderr
    assert (aside / "00/upload").read_bytes() == b"recording"
    assert list((tmp_path / "jobs").iterdir()) == []
