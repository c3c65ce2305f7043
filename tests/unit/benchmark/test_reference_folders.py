"""A folder of recordings with references as a workload."""

import pytest
from support.benchmarks import write_rttm, write_two_seconds

from diarize_runner.benchmark.folder import require_references_fit
from diarize_runner.benchmark.workload import read_workload
from diarize_runner.errors import AudioError, DiarizeRunnerError, RttmError, UsageError
from diarize_runner.progress import NoProgress


@pytest.fixture
def folder(tmp_path):
    """A folder with two recordings; only `b` has a UEM."""
    folder = tmp_path / "meetings"
    folder.mkdir()
    for name in "ba":
        write_two_seconds(folder, name)
        write_rttm(folder / f"{name}.rttm", [(0, 1, "anna"), (1, 2, "ben")])
    (folder / "b.uem").write_text("b 1 0 1\n")
    return folder


def test_a_folder_is_a_workload_of_one_call_for_each_recording(folder):
    workload = read_workload(str(folder))
    assert (workload.name, workload.warmups, workload.repeats, workload.starts) == ("meetings", 0, 1, 1)
    assert [(item.audio.name, item.reference.name, item.uem) for item in workload.recordings] == [
        ("a.wav", "a.rttm", None),
        ("b.wav", "b.rttm", folder / "b.uem"),
    ]


def test_other_and_hidden_files_are_ignored(folder):
    for name in ("README.md", "LICENSE", ".c.wav", "a.json"):
        (folder / name).write_text("")
    (folder / "more").mkdir()
    assert len(read_workload(str(folder)).recordings) == 2


def test_blanks_in_the_name_are_underscores_in_the_reference(folder):
    (folder / "a.wav").rename(folder / "a talk.wav")
    (folder / "a.rttm").unlink()
    write_rttm(folder / "a talk.rttm", [(0, 1, "anna")], uri="a_talk")
    assert read_workload(str(folder)).recordings[0].audio.name == "a talk.wav"


def test_a_shipped_workload_wins_over_a_folder_of_its_name(folder, monkeypatch):
    folder.rename(folder.with_name("default"))
    monkeypatch.chdir(folder.parent)
    assert read_workload("default").name == "default"
    assert len(read_workload("./default").recordings) == 2


def refusal_of(folder):
    with pytest.raises(DiarizeRunnerError) as refused:
        read_workload(str(folder))
    assert refused.value.hint
    return refused.value


def test_a_recording_without_reference_is_an_error(folder):
    (folder / "a.rttm").unlink()
    refused = refusal_of(folder)
    assert isinstance(refused, UsageError)
    assert refused.message == f"{folder}/a.wav has no reference a.rttm"


@pytest.mark.parametrize("name", ["c.rttm", "c.uem"])
def test_a_reference_without_recording_is_an_error(folder, name):
    (folder / name).write_text("")
    assert refusal_of(folder).message == f"{folder}/{name} has no recording in its folder"


def test_a_reference_of_another_recording_is_an_error(folder):
    write_rttm(folder / "a.rttm", [(0, 1, "anna")], uri="z")
    refused = refusal_of(folder)
    assert refused.message == f"{folder}/a.rttm names the recording z, not a"
    assert refused.hint.startswith("write a in the second field")


def test_a_reference_of_several_recordings_is_an_error(folder):
    text = (folder / "a.rttm").read_text()
    (folder / "a.rttm").write_text(text + text.replace(" a ", " z "))
    assert refusal_of(folder).message == f"{folder}/a.rttm names the recording z, not a"


def test_a_reference_without_turns_is_an_error(folder):
    (folder / "a.rttm").write_text("")
    assert refusal_of(folder).message == f"{folder}/a.rttm has no speaker turn"


def test_a_damaged_reference_is_an_error_with_its_line(folder):
    (folder / "a.rttm").write_text("SPEAKER a 1 0 soon <NA> <NA> anna <NA> <NA>\n")
    refused = refusal_of(folder)
    assert isinstance(refused, RttmError)
    assert refused.message.startswith(f"{folder}/a.rttm, line 1: the duration is not a time")


def test_a_damaged_uem_is_an_error_with_its_line(folder):
    (folder / "b.uem").write_text("b 1 0 soon\n")
    assert refusal_of(folder).message == f"{folder}/b.uem, line 1: not a line of UEM"


def test_two_recordings_with_one_reference_are_an_error(folder):
    (folder / "a.flac").write_text("")
    assert refusal_of(folder).message == f"{folder}/a.flac and a.wav would share a reference"


def test_an_empty_folder_is_an_error(tmp_path):
    refused = refusal_of(tmp_path)
    assert refused.message == f"{tmp_path} holds no recording"
    assert refused.hint.startswith("put NAME.wav")


def test_a_speaker_who_overlaps_himself_is_reported(folder, caplog):
    write_rttm(folder / "a.rttm", [(0, 1, "anna"), (0.5, 2, "anna"), (0, 2, "ben")])
    read_workload(str(folder))
    (record,) = caplog.records
    assert record.getMessage() == f"{folder}/a.rttm: turns of anna overlap each other, and each counts as speech"


class TestDurations:
    def check(self, folder):
        require_references_fit(read_workload(str(folder)).recordings, NoProgress())

    def test_a_reference_may_end_with_its_recording_or_shortly_after(self, folder):
        write_rttm(folder / "a.rttm", [(0, 2.4, "anna")])
        self.check(folder)

    def test_a_reference_beyond_the_end_is_an_error(self, folder):
        write_rttm(folder / "a.rttm", [(0, 1, "anna"), (1, 3.25, "ben")])
        with pytest.raises(UsageError) as refused:
            self.check(folder)
        assert refused.value.message == f"{folder}/a.rttm goes on to 3.2 s, but a.wav ends at 2.0 s"

    def test_a_uem_beyond_the_end_is_an_error(self, folder):
        (folder / "b.uem").write_text("b 1 0 1\nb 1 1.5 9\n")
        with pytest.raises(UsageError, match=r"b\.uem goes on to 9\.0 s, but b\.wav ends at 2\.0 s"):
            self.check(folder)

    def test_a_damaged_recording_is_an_error(self, folder):
        (folder / "a.wav").write_text("no audio")
        with pytest.raises(AudioError, match=r"a\.wav"):
            self.check(folder)
