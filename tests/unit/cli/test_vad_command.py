"""`diarize-runner vad`, with a diarizer that needs no model."""

import pytest
from support.diarizers import OneSpeaker

from diarize_runner.diarization import engine


@pytest.fixture
def vad(run, box, monkeypatch):
    monkeypatch.setattr(engine, "load", lambda *_: OneSpeaker())
    return lambda *arguments: run("vad", "--cache", box, *arguments)


LINE = "SPEAKER speech 1 0.000 1.000 <NA> <NA> SPEECH <NA> <NA>\n"


def test_speech_goes_to_stdout_as_rttm_and_people_are_told_how_much(vad, speech):
    ran = vad(speech)
    assert (ran.exit_code, ran.stdout) == (0, LINE)
    assert ran.stderr.endswith("on cpu, 1.0 s of speech\n")


def test_programs_read_where_speech_is(vad, speech):
    document = vad(speech, "--json").document
    assert document["speech"] == [{"start": 0.0, "end": 1.0}]
    assert (document["speech_seconds"], document["audio_seconds"], document["uri"]) == (1.0, 1.0, "speech")
    assert "speakers" not in document


def test_what_is_asked_for_is_written(vad, speech, tmp_path):
    ran = vad(speech, "--output-rttm", tmp_path / "speech.rttm")
    assert (ran.stdout, (tmp_path / "speech.rttm").read_text()) == ("", LINE)
    assert ran.stderr.endswith(f"1.0 s of speech\n  rttm     {tmp_path}/speech.rttm\n")


def test_a_recording_that_is_none_stops_no_other(vad, speech, tmp_path):
    (tmp_path / "notes.wav").write_text("no sound")
    ran = vad(tmp_path / "notes.wav", speech)
    assert (ran.exit_code, ran.stdout) == (1, LINE)


def test_the_pace_of_speech_detection_is_not_that_of_diarization(run, vad, speech, box):
    vad(speech)
    assert "nothing was timed here yet" in run("diarize", "--cache", box, speech).stderr
    assert "nothing was timed here yet" not in vad(speech).stderr


def test_subtitles_of_speech_alone_are_bad_usage(vad, speech, tmp_path):
    assert vad(speech, "--output-srt", tmp_path / "speech.srt").exit_code == 2
