"""`diarize-runner batch`, with a diarizer that needs no model."""

import json
import os
import shutil

import pytest
from support.diarizers import OneSpeaker

from diarize_runner.diarization import engine
from diarize_runner.errors import PipelineError


@pytest.fixture
def diarizer(monkeypatch):
    """Let every load give the same diarizer."""
    made = OneSpeaker()
    monkeypatch.setattr(engine, "load", lambda cache, device, wanted: made)
    return made


@pytest.fixture
def calls(tmp_path, speech):
    (tmp_path / "in").mkdir()
    for name in ("a.wav", "b.wav"):
        shutil.copy(speech, tmp_path / "in" / name)
    return tmp_path / "in"


@pytest.fixture
def batch(run, box, calls, diarizer, monkeypatch):
    for name in ("SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX"):
        monkeypatch.delenv(name, raising=False)
    return lambda *arguments: run("batch", calls, calls.parent / "out", "--cache", box, "--device", "cpu", *arguments)


def test_a_batch_writes_a_result_for_each_recording_and_then_none(batch, calls, diarizer):
    ran = batch("--formats", "rttm")
    assert (ran.exit_code, ran.stderr.count("of audio in")) == (0, 2)
    assert "2 done, 0 done before, 0 failed" in ran.stderr
    assert {path.name[:5] for path in (calls.parent / "out").rglob("*.rttm")} == {"a.wav", "b.wav"}
    again = batch("--json")
    assert (again.document["done"], again.document["done_before"], len(diarizer.diarized)) == (0, 2, 2)


def test_what_is_no_audio_makes_the_exit_code_4_and_is_named(batch, calls):
    (calls / "c.bin").write_text("no audio")
    assert batch().exit_code == 4
    again = batch("--json")
    assert again.exit_code == 4
    assert [(each["key"], each["will_be_tried_again"]) for each in again.document["failed"]] == [("c.bin", False)]


def test_an_error_that_another_run_may_not_meet_makes_the_exit_code_1(batch, diarizer):
    diarizer.meanwhile = _failing
    ran = batch()
    assert ran.exit_code == 1
    assert "failed: a.wav: cuda says no" in ran.stderr
    diarizer.meanwhile = lambda uri: None
    assert batch().exit_code == 0


def _failing(_uri):
    raise PipelineError("cuda says no")


def test_shards_do_all_recordings_together(batch, monkeypatch):
    done = []
    for index in range(3):
        monkeypatch.setenv("JOB_COMPLETION_INDEX", str(index))
        ran = batch("--shards", "3", "--json")
        assert ran.exit_code == 0
        done.append(ran.document["done"])
    assert sum(done) == 2


def test_an_index_beyond_the_last_shard_is_refused(batch):
    ran = batch("--shards", "3", "--shard", "3")
    assert (ran.exit_code, "shard 3 is not one of 3 shards" in ran.stderr) == (2, True)


@pytest.mark.parametrize("arguments", [("--on", "spark"), ("--shard", "x", "--shards", "2"), ("--formats", "doc")])
def test_a_wrong_option_is_refused_before_any_work(batch, diarizer, arguments):
    ran = batch(*arguments)
    assert (ran.exit_code, diarizer.diarized) == (2, [])
    assert "hint:" in ran.stderr


def test_an_empty_input_is_refused(batch, calls):
    for path in calls.iterdir():
        path.unlink()
    ran = batch()
    assert (ran.exit_code, "holds no recordings" in ran.stderr) == (2, True)


def test_a_machine_without_a_cache_is_told_to_restore_one(run, calls, tmp_path):
    ran = run("batch", calls, tmp_path / "out", "--cache", tmp_path / "nothing")
    assert (ran.exit_code, "holds no restored cache" in ran.stderr) == (1, True)


def test_an_interrupted_batch_keeps_what_is_done(batch, diarizer):
    def interrupt(uri):
        if uri == "b":
            raise KeyboardInterrupt

    diarizer.meanwhile = interrupt
    ran = batch()
    assert (ran.exit_code, "interrupted: 1 done" in ran.stderr) == (130, True)
    diarizer.meanwhile = lambda uri: None
    assert batch("--json").document["done_before"] == 1


def test_a_cache_that_was_updated_meanwhile_is_refused(batch, box, monkeypatch):
    """The results would be of other models than their folder says."""
    read = "diarize_runner.cli.batch_run.read_manifest"
    manifest = pytest.importorskip("diarize_runner.cache.box.folder").read_manifest(box / "current")

    class Older:
        digest = type(manifest.digest)(hex="0" * 64)

    monkeypatch.setattr(read, lambda _root: Older)
    ran = batch()
    assert (ran.exit_code, "another version than this batch's" in ran.stderr) == (1, True)


def test_a_status_is_text_json_and_a_page(batch, run, calls, tmp_path):
    (calls / "c.bin").write_text("no audio")
    batch()
    shown = run("batch", "status", tmp_path / "out", "--price", "0.5", "--output-html", tmp_path / "batch.html")
    assert "done: 2, failed: 1, left: 0" in shown.stderr
    assert "not tried again: c.bin" in shown.stderr
    (document,) = run("batch", "status", tmp_path / "out", "--json").document["batches"]
    assert (document["done"], document["left"], len(document["failed"])) == (2, 0, 1)
    assert "<h1>Batch: file://" in (tmp_path / "batch.html").read_text()


def test_a_retry_lets_the_next_run_try_again(batch, run, calls, tmp_path, speech):
    (calls / "c.bin").write_text("no audio")
    batch()
    assert run("batch", "retry", tmp_path / "out", "--failed", "--json").document == {"forgotten": 1}
    assert batch("--json").document["failed"][0]["key"] == "c.bin"
    assert run("batch", "retry", calls, "--failed").exit_code == 2


def test_a_store_that_takes_nothing_is_an_error(batch, calls):
    (calls.parent / "out").write_text("a file")
    ran = batch()
    assert (ran.exit_code, "error:" in ran.stderr) == (1, True)


def test_a_list_is_an_input(run, box, calls, diarizer, tmp_path):
    (calls / "list.jsonl").write_text(json.dumps({"key": "b.wav"}) + os.linesep)
    ran = run("batch", calls / "list.jsonl", tmp_path / "out", "--cache", box, "--json")
    assert (ran.exit_code, ran.document["done"], diarizer.diarized) == (0, 1, ["b"])
