"""`diarize-runner spool`, with a diarizer that needs no model."""

import json
import os
import shutil
from urllib.parse import unquote_to_bytes

import pytest
from support.diarizers import OneSpeaker
from support.sounds import tone, write_wav

from diarize_runner.diarization import engine


@pytest.fixture
def loads():
    """What was loaded, each time that something was."""
    return []


@pytest.fixture
def diarizer(monkeypatch, loads):
    """Let every load give the same diarizer."""
    made = OneSpeaker()
    monkeypatch.setattr(engine, "load", lambda cache, device, wanted: loads.append((device, wanted)) or made)
    return made


@pytest.fixture
def inbox(tmp_path):
    folder = tmp_path / "spool/inbox"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def spool(run, box, inbox, diarizer):
    return lambda *arguments: run("spool", inbox.parent, "--cache", box, "--settle", "0", *arguments)


def drop(inbox, speech, name, segments=None):
    shutil.copy(speech, inbox / f"{name}.wav")
    if segments:
        (inbox / f"{name}.json").write_text(json.dumps(segments))


def test_recordings_are_labelled_by_one_load(spool, loads, inbox, speech):
    drop(inbox, speech, "one")
    drop(inbox, speech, "two", [{"start": 0, "end": 0.4, "text": "Hello"}])
    (inbox / "three.wav").write_text("no audio")
    ran = spool("--device", "cpu", "--engine", "stock", "--json")
    assert ran.exit_code == 0
    outcomes = {outcome["place"].removeprefix(f"{inbox.parent}/"): outcome for outcome in ran.document["recordings"]}
    assert set(outcomes) == {"outbox/one", "outbox/two", "failed/three"}
    assert "cannot decode" in outcomes["failed/three"]["error"]
    assert loads == [("cpu", "stock")]


def test_what_comes_of_a_recording_and_its_transcript(spool, inbox, speech):
    drop(inbox, speech, "call", [{"start": 0, "end": 0.4, "text": "Hello"}])
    spool()
    call = inbox.parent / "outbox/call"
    results = {f"call.labelled.{kind}" for kind in ("json", "rttm", "srt", "html")}
    assert {path.name for path in call.iterdir()} == {"call.wav", "call.json", *results}
    assert "[SPEAKER_00] Hello" in (call / "call.labelled.srt").read_text()
    assert (call / "call.labelled.rttm").read_text().startswith("SPEAKER call 1 0.000 1.000")
    provenance = json.loads((call / "call.labelled.json").read_text())["provenance"]
    assert provenance.keys() >= {"cache", "engine", "device", "audio", "transcript"}


def test_without_a_transcript_there_are_no_subtitles(spool, inbox, speech):
    drop(inbox, speech, "call")
    spool()
    results = {f"call.labelled.{kind}" for kind in ("json", "rttm", "html")}
    assert {path.name for path in (inbox.parent / "outbox/call").iterdir()} == {"call.wav", *results}


@pytest.mark.parametrize("stem", [b"call", b"a call, 10:30", b"100%25?#", b'"><b>', b"caf\xe9"])
def test_the_page_plays_the_recording_that_lies_beside_it(spool, inbox, speech, stem):
    drop(inbox, speech, os.fsdecode(stem))
    spool()
    (page,) = (inbox.parent / "outbox").glob("*/*.labelled.html")
    _, _, rest = page.read_text(encoding="utf-8").partition(' src="')
    source = rest.partition('"')[0]
    assert ":" not in source, "a browser would take it for an address of its own"
    assert (page.parent / os.fsdecode(unquote_to_bytes(source))).samefile(page.with_name(os.fsdecode(stem + b".wav")))


def test_people_are_told_of_each_recording_when_it_is_done(spool, diarizer, inbox, speech, capsys):
    drop(inbox, speech, "a\nb")
    (inbox / "bad.wav").write_text("no audio")
    drop(inbox, speech, "last")  # heard in the order in which they came
    told = {}
    diarizer.meanwhile = lambda uri: told.update({uri: capsys.readouterr().err.splitlines()})

    ran = spool("--json")

    warning, done, failed, _ = told["last"]
    assert warning.endswith("warning: the recording lasts 1.0 s: below 10 s, speakers are often missed")
    assert done == f"{inbox.parent}/outbox/a b"
    assert failed.startswith(f"{inbox.parent}/failed/bad: cannot decode ")
    assert ran.stderr.endswith(f"\n{inbox.parent}/outbox/last\n")
    assert len(ran.document["recordings"]) == 3


def test_each_channel_of_a_call_is_a_speaker(spool, inbox):
    write_wav(inbox / "call.wav", [tone(1, 16_000)] * 2, 16_000)
    spool("--speakers-per-channel", "1")
    turns = (inbox.parent / "outbox/call/call.labelled.rttm").read_text().splitlines()
    assert [turn.split()[7] for turn in turns] == ["CHANNEL_1", "CHANNEL_2"]


def test_an_empty_spool_loads_nothing(spool, loads):
    ran = spool()
    assert (ran.exit_code, ran.stderr) == (0, "0 labelled, 0 failed\n")
    assert loads == []


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
