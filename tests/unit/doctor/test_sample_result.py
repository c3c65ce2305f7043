"""A good sample check is reused only while its inputs are unchanged."""

import errno
import json
import os
from pathlib import Path

import pytest

from diarize_runner.doctor import sample_result as module
from diarize_runner.doctor.check import Check, State
from diarize_runner.doctor.diagnosis import Diagnosis
from diarize_runner.doctor.sample_result import check_sample_once, recheck_sample, sample_inputs
from diarize_runner.errors import DiskError

INPUTS = {"packages": "torch 2.9.0", "device": "cpu"}


class Sample:
    """A sample check that counts its runs."""

    def __init__(self, state=State.GOOD):
        self.state, self.runs = state, 0

    def __call__(self):
        self.runs += 1
        return Check(name="sample", state=self.state, detail="2 of 2 speakers")


@pytest.fixture
def file(tmp_path):
    return tmp_path / ".sample.json"


def test_a_good_result_is_reused_and_marked_as_such(file):
    sample = Sample()

    first, second = (check_sample_once(file, INPUTS, sample) for _ in range(2))

    assert sample.runs == 1
    assert first.detail == "2 of 2 speakers"
    assert (second.state, second.detail) == (State.GOOD, "2 of 2 speakers; nothing has changed since")


@pytest.mark.parametrize("changed", [{"device": "Tesla T4"}, {"packages": "torch 1.0"}, {"manifest": "another"}])
def test_with_other_inputs_the_sample_is_checked_again(changed, file):
    sample = Sample()
    check_sample_once(file, INPUTS, sample)

    check_sample_once(file, INPUTS | changed, sample)

    assert sample.runs == 2


@pytest.mark.parametrize("state", [State.DRIFT, State.BROKEN])
def test_a_result_that_is_not_good_is_not_saved(state, file):
    sample = Sample(state)

    assert [check_sample_once(file, INPUTS, sample).state for _ in range(2)] == [state, state]
    assert sample.runs == 2


@pytest.mark.parametrize("state", [State.DRIFT, State.BROKEN])
def test_a_failed_recheck_deletes_the_saved_result(state, file):
    check_sample_once(file, INPUTS, Sample())

    assert recheck_sample(file, Sample(state)).state is state

    again = Sample()
    check_sample_once(file, INPUTS, again)
    assert again.runs == 1


def test_a_failed_recheck_in_a_container_with_a_read_only_disk_is_the_result(file, monkeypatch):
    def refuse(path, **_options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "unlink", refuse)

    assert recheck_sample(file, Sample(State.BROKEN)).state is State.BROKEN


def test_a_good_recheck_writes_nothing(file):
    recheck_sample(file, Sample())

    assert not file.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"{}"])
def test_a_damaged_result_is_ignored(content, file):
    file.write_bytes(content)
    sample = Sample()

    check_sample_once(file, INPUTS, sample)

    assert sample.runs == 1


def test_a_result_that_cannot_be_saved_is_an_error(tmp_path):
    with pytest.raises(DiskError):
        check_sample_once(tmp_path / "not there/.sample.json", INPUTS, Sample())


class TestInputs:
    """The inputs of a sample check."""

    @pytest.fixture
    def cache(self, tmp_path):
        (tmp_path / "manifest.json").write_text("{}")
        return tmp_path

    def inputs(self, cache, device="auto", /, **more):
        details = {"packages": "torch 2.9.0", "cache": "embedded 1.0", "device": "cpu", "disk": "9 GB free"}
        details |= {"transcription": "models: tiny.en", **more}
        checks = tuple(Check(name=name, state=State.GOOD, detail=detail) for name, detail in details.items())
        return sample_inputs(Diagnosis(checks=checks), cache, device)

    def test_ignore_the_free_disk_space(self, cache):
        assert self.inputs(cache) == self.inputs(cache, disk="8 GB free")
        assert json.loads(json.dumps(self.inputs(cache))) == self.inputs(cache)

    @pytest.mark.parametrize("name", ["packages", "cache", "device", "transcription"])
    def test_change_with_the_detail_of_a_check(self, name, cache):
        assert self.inputs(cache, **{name: "another"}) != self.inputs(cache)

    def test_change_with_the_device_option(self, cache):
        assert self.inputs(cache, "cpu") != self.inputs(cache, "auto")

    def test_change_with_the_manifest(self, cache):
        before = self.inputs(cache)
        (cache / "manifest.json").write_text("{ }")

        assert self.inputs(cache) != before

    def test_change_with_every_boot(self, cache, tmp_path, monkeypatch):
        before = self.inputs(cache)
        monkeypatch.setattr(module, "_BOOT", Path(tmp_path, "boot_id"))
        (tmp_path / "boot_id").write_text("another\n")

        assert self.inputs(cache) != before

    def test_change_with_the_python_environment(self, cache, monkeypatch):
        before = self.inputs(cache)
        monkeypatch.setattr("sys.prefix", "/another")

        assert self.inputs(cache) != before
