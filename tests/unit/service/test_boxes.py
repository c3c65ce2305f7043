"""What boxes that share a queue and a folder may do to each other."""

import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from unittest import mock

import pytest
from support.endpoints import decode_wav
from support.queues import claim, new_job, open_queue
from support.services import CATALOG, wav

from diarize_runner.diarization import audio
from diarize_runner.errors import UsageError
from diarize_runner.progress import ConsoleProgress
from diarize_runner.service import server
from diarize_runner.service.exclusive import alone, other_servers, shared
from diarize_runner.service.folder import ServiceFolder
from diarize_runner.service.intake import Intake, Submission
from diarize_runner.service.leftovers import Leftovers
from diarize_runner.service.settings import Limits, Settings
from diarize_runner.service.shapes.jobs import JobDocument
from diarize_runner.service.speed import Speed
from diarize_runner.service.work import VERSION, Work, WorkLabel
from diarize_runner.service.workers.models import Models

HOUR = 3600.0
NEWER = json.dumps({"version": VERSION + 1, "task": "summarize", "name": "call.wav", "length": "short"})
"""The work of a job that a newer release added."""


def folder_of(path, box="first"):
    folder = ServiceFolder(path=path, box=box)
    folder.create()
    return folder


def put(folder, job_id, age=0.0):
    files = folder.job(job_id)
    files.path.mkdir()
    files.upload.write_bytes(b"upload")
    moment = folder.now() - age
    os.utime(folder.jobs / job_id, (moment, moment))


def names(folder):
    return list(folder.job_ids())


@contextmanager
def refused(words):
    with pytest.raises(UsageError, match=words) as refusal:
        yield
    assert refusal.value.hint


def serve(path, **settings):
    """Start a server; one that is not refused ends at once."""
    progress = mock.create_autospec(ConsoleProgress)
    with mock.patch.object(tempfile, "tempdir", None), mock.patch.object(server, "_run"):  # a server sets tempdir
        server.serve_models(Settings(folder=path, port=0, **settings), CATALOG, Models(), progress)


@pytest.mark.parametrize(
    ("running", "settings", "words"),
    [
        (alone, {"box": "second"}, "another server uses"),
        (shared, {"box": "second"}, "another server uses"),
        (alone, {"box": "second", "database_url": "postgresql://kai@db/queue"}, "with a queue in SQLite"),
        (shared, {"box": "first", "database_url": "postgresql://kai@db/queue"}, "with the host name first"),
    ],
)
def test_a_server_is_refused_whose_queue_or_name_does_not_suit_the_running_one(tmp_path, running, settings, words):
    folder_of(tmp_path)
    with running(tmp_path, "first"), refused(words):
        serve(tmp_path, **settings)


def test_boxes_of_other_names_use_the_folder_together(tmp_path):
    with shared(tmp_path, "first"), shared(tmp_path, "second"):
        assert other_servers(tmp_path, "first") == ("second",)
    assert other_servers(tmp_path, "first") == ()


def test_a_server_is_refused_whose_folder_is_not_that_of_the_queue(tmp_path):
    url = f"sqlite:///{tmp_path}/elsewhere.db"
    queue = open_queue(url)
    assert queue.bind(folder_of(tmp_path / "shared").identity()) == folder_of(tmp_path / "shared").identity()
    with refused("files in another folder"):
        serve(tmp_path / "not mounted", database_url=url)


def test_a_new_queue_is_refused_for_a_folder_that_has_jobs(tmp_path):
    put(folder_of(tmp_path), "job", 9 * HOUR)
    with refused("the queue is new, but"):
        serve(tmp_path, database_url=f"sqlite:///{tmp_path}/elsewhere.db")
    assert names(folder_of(tmp_path)) == ["job"]


def test_all_boxes_find_the_same_name_of_the_folder(tmp_path):
    first, second = folder_of(tmp_path, "first"), folder_of(tmp_path, "second")
    assert len({first.identity(), second.identity(), first.identity()}) == 1
    assert len(first.identity()) == 32
    assert [path.name for path in tmp_path.glob("folder-id*")] == ["folder-id"]


def test_a_queue_keeps_the_folder_of_its_first_box(database_url):
    queue = open_queue(database_url)
    assert [queue.bind("one"), queue.bind("two"), open_queue(database_url).bind("three")] == ["one", "one", "one"]


def test_a_box_removes_request_bodies_of_its_own_only(tmp_path):
    first, second = folder_of(tmp_path, "first"), folder_of(tmp_path, "second")
    for folder in (first, second):
        (folder.incoming / "body").write_bytes(b"upload")
    first.empty_incoming()
    assert not (first.incoming / "body").exists()
    assert (second.incoming / "body").exists()


@pytest.fixture
def leftovers(tmp_path, database_url):
    return Leftovers(folder=folder_of(tmp_path / "folder"), queue=open_queue(database_url))


def test_while_another_box_runs_only_old_files_without_a_job_are_removed(leftovers):
    folder, queue = leftovers.folder, leftovers.queue
    for job_id, age in (("known", 9 * HOUR), (".new-just-taken", 0), ("just-taken", 0.9 * HOUR)):
        put(folder, job_id, age)
    for job_id in (".new-killed", "killed", ".removed-open"):
        put(folder, job_id, 1.1 * HOUR)
    queue.add(new_job("known"))
    with shared(folder.path, "second"):
        leftovers.remove()
    assert names(folder) == [".new-just-taken", "just-taken", "known"]
    leftovers.remove()
    assert names(folder) == ["known"]


def test_request_bodies_of_a_box_that_is_gone_are_removed_after_a_day(leftovers):
    gone, folder = folder_of(leftovers.folder.path, "gone"), leftovers.folder
    for name, age in (("old", 25 * HOUR), ("new", 23 * HOUR)):
        moment = folder.now() - age
        (gone.incoming / name).write_bytes(b"upload")
        os.utime(gone.incoming / name, (moment, moment))
    leftovers.remove_old()
    assert [path.name for path in gone.incoming.iterdir()] == ["new"]


def test_the_age_of_a_file_is_measured_by_the_clock_of_the_file_system(leftovers, monkeypatch):
    put(leftovers.folder, "just-taken")
    monkeypatch.setattr("time.time", lambda: 4e9)
    leftovers.remove_old()
    assert names(leftovers.folder) == ["just-taken"]


def test_files_that_another_process_has_open_on_nfs_do_not_keep_a_job(tmp_path, monkeypatch):
    folder = folder_of(tmp_path)
    put(folder, "job")
    remove = shutil.rmtree

    def leave_an_open_file(path, **options):
        remove(path, **options)
        path.mkdir()
        (path / ".nfs0001").write_bytes(b"")
        path.rmdir()

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", leave_an_open_file)
        folder.remove_job("job")
    assert names(folder) == [".removed-job"]
    (tmp_path / "jobs/.removed-job/.nfs0001").unlink()
    folder.remove_job(".removed-job")
    assert names(folder) == []


def test_a_job_can_be_removed_twice(tmp_path):
    folder = folder_of(tmp_path)
    put(folder, "job")
    folder.remove_job("job")
    folder.remove_job("job")
    assert names(folder) == []


def test_a_release_leaves_the_jobs_that_only_a_newer_one_can_do(database_url):
    older, newer = open_queue(database_url), open_queue(database_url, work_version=VERSION + 1)
    older.add(new_job("newer", work=NEWER, work_version=VERSION + 1))
    assert claim(older) is None
    older.add(new_job("older", work=Work().encode()))
    assert claim(older).job.id == "older"
    older.release("box")
    assert {claim(newer).job.id, claim(newer).job.id} == {"older", "newer"}


def test_a_release_shows_and_cancels_the_jobs_that_only_a_newer_one_can_do(database_url):
    queue = open_queue(database_url)
    job = queue.add(new_job("newer", work=NEWER, work_version=VERSION + 1))
    document = JobDocument.of(job)
    assert (document.task, document.name, document.state) == ("summarize", "call.wav", "queued")
    assert queue.cancel("newer").state == "cancelled"


def test_work_of_a_newer_version_is_not_decoded():
    with pytest.raises(ValueError, match=f"version {VERSION + 1} of a job"):
        Work.decode(NEWER)


def test_work_that_an_older_release_wrote_is_decoded():
    work = Work.decode('{"version": 1, "task": "vad", "name": "call.wav", "hints": {}}')
    assert work == Work(task="vad", name="call.wav")
    assert WorkLabel.read(work.encode()) == WorkLabel(task="vad", name="call.wav")


NAMING, PLAIN = Work(name="call.wav", known_speakers=True), Work(name="call.wav")


def test_only_a_job_that_asks_for_names_is_left_to_releases_that_can_name(database_url):
    older, newer = open_queue(database_url, work_version=1), open_queue(database_url)
    for job_id, work in (("naming", NAMING), ("plain", PLAIN)):
        older.add(new_job(job_id, work=work.encode(), work_version=work.version))
    assert [claim(older).job.id, claim(older)] == ["plain", None]
    assert Work.decode(claim(newer).job.work) == NAMING


def test_work_that_asks_for_no_names_is_written_as_older_releases_read_it():
    document = json.loads(PLAIN.encode())
    assert (document["version"], "known_speakers" in document) == (1, False)
    assert Work.decode(PLAIN.encode()) == PLAIN


@pytest.mark.parametrize("task", ["vad", "transcribe"])
def test_stored_work_that_would_name_speakers_where_there_are_none_is_not_decoded(task):
    with pytest.raises(ValueError, match="finds no speakers"):
        Work.decode(json.dumps({**json.loads(NAMING.encode()), "task": task}))


def test_a_job_that_is_taken_has_the_version_of_its_work(tmp_path):
    queue, folder = open_queue(f"sqlite:///{tmp_path}/queue.db", work_version=1), folder_of(tmp_path / "folder")
    (tmp_path / "call.wav").write_bytes(wav())
    intake = Intake(folder, queue, Limits(reserved_bytes=0), Speed(), wake=lambda: None)
    with mock.patch.object(audio, "decode_opened", decode_wav), (tmp_path / "call.wav").open("rb") as upload:
        intake.accept(Submission(owner="", work=NAMING), upload)
        assert claim(queue) is None
        plain = intake.accept(Submission(owner="", work=PLAIN), upload).job
    assert claim(queue).job.id == plain.id
