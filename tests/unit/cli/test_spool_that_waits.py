"""`diarize-runner spool --idle-seconds`, in a process of its own."""

import fcntl
import json
import shutil
from pathlib import Path

import pytest
from support import spool_process as program
from support.spool_process import LOADED, WORKING, spool_process

from diarize_runner.errors import Interrupted
from diarize_runner.jobs.device_lock import VARIABLE

HOUR = "3600"
CHANGED = "the models or the release have changed: the next run loads the new ones"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "spool/inbox").mkdir(parents=True)
    return tmp_path / "spool"


@pytest.fixture
def drop(folder, speech):
    return lambda stem: shutil.copy(speech, folder / f"inbox/{stem}.wav")


@pytest.fixture
def spool(folder, box):
    """Return a function that starts a run."""

    def start(*options, **environment):
        return spool_process(folder, "--cache", box, "--device", "cpu", "--settle", "0", *options, **environment)

    return start


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_second_recording_is_labelled_by_the_models_of_the_first(spool, drop, folder):
    drop("one")
    with spool("--idle-seconds", HOUR) as run:
        run.wait_until_labelled("one")
        drop("two")
        run.wait_until_labelled("two")
        assert run.log.count(LOADED) == 1
    assert "two.labelled.rttm" in names_in(folder / "outbox/two")


def test_a_run_that_has_waited_long_enough_exits_with_0(spool, drop):
    drop("one")
    with spool("--idle-seconds", "0.1") as run:
        assert run.end() == 0
        assert run.log[-1] == "1 labelled, 0 failed"


def test_sigterm_ends_a_run_that_waits_and_the_next_run_labels_what_lies_in_the_inbox(spool, drop, folder):
    """The transcript waits for its recording."""
    drop("one")
    with spool("--idle-seconds", HOUR) as run:
        run.wait_until_labelled("one")
        (folder / "inbox/two.json").write_text(json.dumps([{"start": 0, "end": 0.4, "text": "Hello"}]))
        assert run.terminate() == Interrupted.exit_code
    assert (names_in(folder / "inbox"), names_in(folder / "claimed")) == (["two.json"], [])
    drop("two")
    with spool() as run:
        assert run.end() == 0
    assert (names_in(folder / "outbox"), names_in(folder / "failed")) == (["one", "two"], [])
    assert "Hello" in (folder / "outbox/two/two.labelled.srt").read_text()


def test_sigterm_during_a_recording_is_not_an_attempt(spool, drop, folder):
    drop("slow")
    with spool("--idle-seconds", HOUR) as run:
        run.wait_for(WORKING)
        assert json.loads((folder / "claimed/slow/.claim.json").read_text())["attempts"] == 1, "the negative control"
        assert run.terminate() == Interrupted.exit_code
    assert json.loads((folder / "claimed/slow/.claim.json").read_text()) == {"names": ["slow.wav"], "attempts": 0}


def test_a_run_that_waits_exits_with_0_when_other_models_are_current(spool, drop, box):
    drop("one")
    with spool("--idle-seconds", HOUR) as run:
        run.wait_until_labelled("one")
        other = box / "versions" / ("0" * 64)
        shutil.copytree((box / "current").resolve(), other, symlinks=True)
        (box / "fresh").symlink_to(f"versions/{other.name}")
        (box / "fresh").rename(box / "current")
        assert run.end() == 0
        assert run.log[-2:] == [CHANGED, "1 labelled, 0 failed"]


def test_a_run_that_waits_exits_with_0_when_another_release_is_current(spool, drop, tmp_path):
    release = tmp_path / "release"
    release.symlink_to(Path(program.__file__).parent)
    drop("one")
    with spool("--idle-seconds", HOUR, program=release / "spool_process.py") as run:
        run.wait_until_labelled("one")
        release.unlink()
        release.symlink_to("another")
        assert run.end() == 0
        assert run.log[-2:] == [CHANGED, "1 labelled, 0 failed"]


def test_a_run_that_waits_leaves_the_gpu_to_others(spool, drop, tmp_path):
    locks = tmp_path / "locks"
    locks.mkdir()
    drop("one")
    environment = {VARIABLE: str(locks), "CUDA_VISIBLE_DEVICES": "7"}
    with spool("--idle-seconds", HOUR, "--device", "cuda", **environment) as run:
        run.wait_until_labelled("one")
        with (locks / "diarize-runner-cuda-7.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(lock, fcntl.LOCK_UN)
            drop("slow")
            run.wait_for(WORKING)
            with pytest.raises(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize("idle", ["-1", "soon", "inf"])
def test_the_idle_time_is_a_number_of_seconds(run, folder, idle):
    ran = run("spool", folder, "--idle-seconds", idle)
    assert (ran.exit_code, "is not a number of seconds" in ran.stderr) == (2, True)
