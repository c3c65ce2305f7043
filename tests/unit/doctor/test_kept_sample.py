"""A good sample check is relied on while what it rests on is as it was, and never longer."""

import json
from pathlib import Path

import pytest

from diarize_runner.doctor import kept_sample as module
from diarize_runner.doctor.check import Check, State
from diarize_runner.doctor.diagnosis import Diagnosis
from diarize_runner.doctor.kept_sample import check_anew, check_once, grounds_of
from diarize_runner.errors import DiskError

GROUNDS = {"packages": "all as locked", "device": "cpu"}


class Sample:
    """A sample that is diarized whenever it is asked for."""

    def __init__(self, state=State.GOOD):
        self.state, self.times = state, 0

    def __call__(self):
        self.times += 1
        return Check(name="sample", state=self.state, detail="2 of 2 speakers")


@pytest.fixture
def file(tmp_path):
    return tmp_path / ".sample.json"


def test_what_was_good_is_not_diarized_again_and_says_so(file):
    sample = Sample()

    first, second = (check_once(file, GROUNDS, sample) for _ in range(2))

    assert sample.times == 1
    assert first.detail == "2 of 2 speakers"
    assert (second.state, second.detail) == (State.GOOD, "2 of 2 speakers; nothing has changed since")


@pytest.mark.parametrize("changed", [{"device": "Tesla T4"}, {"packages": "not as locked"}, {"manifest": "another"}])
def test_on_other_grounds_it_is_diarized_anew(changed, file):
    sample = Sample()
    check_once(file, GROUNDS, sample)

    check_once(file, GROUNDS | changed, sample)

    assert sample.times == 2


@pytest.mark.parametrize("state", [State.DRIFT, State.BROKEN])
def test_what_is_not_good_is_not_kept(state, file):
    sample = Sample(state)

    assert [check_once(file, GROUNDS, sample).state for _ in range(2)] == [state, state]
    assert sample.times == 2


@pytest.mark.parametrize("state", [State.DRIFT, State.BROKEN])
def test_a_sample_that_fails_takes_the_kept_one_away(state, file):
    check_once(file, GROUNDS, Sample())

    assert check_anew(file, Sample(state)).state is state

    again = Sample()
    check_once(file, GROUNDS, again)
    assert again.times == 1


def test_a_sample_that_is_good_leaves_the_disk_as_it_is(file):
    check_anew(file, Sample())

    assert not file.exists()


@pytest.mark.parametrize("written", [b"", b"{", b"[]", b"\xff", b"{}"])
def test_a_kept_sample_that_cannot_be_read_is_none(written, file):
    file.write_bytes(written)
    sample = Sample()

    check_once(file, GROUNDS, sample)

    assert sample.times == 1


def test_a_sample_that_cannot_be_kept_is_an_error(tmp_path):
    with pytest.raises(DiskError):
        check_once(tmp_path / "not there/.sample.json", GROUNDS, Sample())


class TestGrounds:
    """What a sample check rests on."""

    @pytest.fixture
    def cache(self, tmp_path):
        (tmp_path / "manifest.json").write_text("{}")
        return tmp_path

    def grounds(self, cache, asked="auto", /, **found):
        found = {"packages": "as locked", "cache": "embedded 1.0", "device": "cpu", "disk": "9 GB free", **found}
        checks = tuple(Check(name=name, state=State.GOOD, detail=detail) for name, detail in found.items())
        return grounds_of(Diagnosis(checks=checks), cache, asked)

    def test_they_are_the_same_while_only_the_disk_fills(self, cache):
        assert self.grounds(cache) == self.grounds(cache, disk="8 GB free")
        assert json.loads(json.dumps(self.grounds(cache))) == self.grounds(cache)

    @pytest.mark.parametrize("name", ["packages", "cache", "device"])
    def test_they_are_others_when_another_thing_is_found(self, name, cache):
        assert self.grounds(cache, **{name: "another"}) != self.grounds(cache)

    def test_they_are_others_when_another_device_is_asked_for(self, cache):
        assert self.grounds(cache, "cpu") != self.grounds(cache, "auto")

    def test_they_are_others_with_another_manifest(self, cache):
        before = self.grounds(cache)
        (cache / "manifest.json").write_text("{ }")

        assert self.grounds(cache) != before

    def test_they_are_others_after_a_boot(self, cache, tmp_path, monkeypatch):
        before = self.grounds(cache)
        monkeypatch.setattr(module, "_BOOT", Path(tmp_path, "boot_id"))
        (tmp_path / "boot_id").write_text("another\n")

        assert self.grounds(cache) != before

    def test_they_are_others_in_another_environment(self, cache, monkeypatch):
        before = self.grounds(cache)
        monkeypatch.setattr("sys.prefix", "/another")

        assert self.grounds(cache) != before
