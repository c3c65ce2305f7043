"""`diarize-runner spool`, with a diarizer that needs no model."""

import json
import shutil

import pytest

from diarize_runner.diarization import engine
from diarize_runner.diarization.turns import Diarization, SpeakerTurn


class OneSpeaker:
    device = "cpu"

    def diarize(self, recording, hints, progress):
        turns = (SpeakerTurn(start=0.0, end=recording.duration, speaker="SPEAKER_00"),)
        return Diarization(uri=recording.uri, turns=turns, exclusive_turns=turns)


@pytest.fixture
def loaded(monkeypatch):
    """What was loaded, each time that something was."""
    loads = []
    monkeypatch.setattr(engine, "load", lambda cache, device: loads.append((cache.root, device)) or OneSpeaker())
    return loads


@pytest.fixture
def inbox(tmp_path):
    folder = tmp_path / "spool/inbox"
    folder.mkdir(parents=True)
    return folder


def test_recordings_are_labelled_by_one_load(run, loaded, box, inbox, speech):
    shutil.copy(speech, inbox / "one.wav")
    shutil.copy(speech, inbox / "two.wav")
    (inbox / "two.json").write_text(json.dumps([{"start": 0, "end": 0.4, "text": "Hello"}]))
    (inbox / "three.wav").write_text("no audio")
    ran = run("spool", inbox.parent, "--cache", box, "--device", "cpu", "--settle", "0", "--json")
    assert ran.exit_code == 0
    outcomes = {outcome["place"].removeprefix(f"{inbox.parent}/"): outcome for outcome in ran.document["recordings"]}
    assert set(outcomes) == {"outbox/one", "outbox/two", "failed/three"}
    assert "cannot decode" in outcomes["failed/three"]["error"]
    assert [device for _, device in loaded] == ["cpu"]
    two = inbox.parent / "outbox/two"
    assert {path.name for path in two.iterdir()} == {
        *("two.wav", "two.json", "two.labelled.json", "two.labelled.rttm", "two.labelled.srt")
    }
    assert "[SPEAKER_00] Hello" in (two / "two.labelled.srt").read_text()


def test_an_empty_spool_loads_nothing(run, loaded, box, inbox):
    ran = run("spool", inbox.parent, "--cache", box)
    assert (ran.exit_code, ran.stderr) == (0, "0 labelled, 0 failed\n")
    assert loaded == []


def test_a_damaged_cache_stops_the_run_and_costs_no_recording(run, box, inbox, speech):
    next(path for path in box.rglob("blobs/*") if path.is_file()).write_bytes(b"other")
    shutil.copy(speech, inbox / "call.wav")
    assert run("spool", inbox.parent, "--cache", box, "--settle", "0").exit_code == 3
    assert [path.name for path in inbox.parent.rglob("call.wav")] == ["call.wav"]
    assert list((inbox.parent / "failed").iterdir()) == []


@pytest.mark.parametrize("settle", ["-1", "soon", "inf", "nan"])
def test_how_long_to_wait_is_a_number_of_seconds(run, inbox, settle):
    ran = run("spool", inbox.parent, "--settle", settle)
    assert ran.exit_code == 2
    assert "is not a number of seconds" in ran.stderr


def test_a_folder_that_is_not_there_is_not_made(run, tmp_path):
    ran = run("spool", tmp_path / "nowhere")
    assert (ran.exit_code, (tmp_path / "nowhere").exists()) == (2, False)
