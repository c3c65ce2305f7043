"""A result that may be wrong has a warning in the text, in both kinds of JSON, and on the page; exit code 0 stays."""

import json
import shutil

import pytest
from support.diarizers import OneSpeaker

from diarize_runner.diarization import engine

UTTERANCE = {"start": 6700, "end": 7100, "text": "Hello", "speaker": "A", "words": []}
ASSEMBLYAI = {"utterances": [UTTERANCE], "text": "Hello", "words": [{"text": "Hello", "start": 6700, "end": 7100}]}
SHORT = "the recording lasts 1.0 s: below 10 s, speakers are often missed"
BEYOND = "the transcript ends at 0:07, the recording at 0:01: 1 of 1 segments end after the recording"
UNASSIGNED = "1 of 1 segments have no speaker: check that transcript and recording belong together"
TURNS = "SPEAKER talk 1 0 3 <NA> <NA> Ann <NA> <NA>\n"


@pytest.fixture
def box_with_diarizer(box, monkeypatch):
    monkeypatch.setattr(engine, "load", lambda *_: OneSpeaker())
    return box


@pytest.fixture
def said(tmp_path):
    path = tmp_path / "said.json"
    path.write_text(json.dumps(ASSEMBLYAI))
    return path


def test_diarize_warns_of_a_transcript_that_ends_after_the_recording(run, box_with_diarizer, speech, said, tmp_path):
    outputs = ["-o", tmp_path / "out.json", "-o", tmp_path / "out.html"]
    arguments = ["diarize", speech, "-t", said, "--cache", box_with_diarizer, *outputs]

    text, document = run(*arguments), run(*arguments, "--json").document

    assert text.exit_code == 0
    assert f"  warning: {SHORT}\n  warning: {BEYOND}\n  warning: {UNASSIGNED}\n" in text.stderr
    assert document["warnings"] == [SHORT, BEYOND, UNASSIGNED]
    assert json.loads((tmp_path / "out.json").read_text())["warnings"] == [SHORT, BEYOND, UNASSIGNED]
    assert f"<li>{BEYOND}</li>" in (tmp_path / "out.html").read_text()


def test_the_spool_warns_of_a_transcript_that_ends_after_the_recording(run, box_with_diarizer, speech, said, tmp_path):
    inbox = tmp_path / "spool/inbox"
    inbox.mkdir(parents=True)
    shutil.copy(speech, inbox / "call.wav")
    shutil.copy(said, inbox / "call.wav.json")

    ran = run("spool", inbox.parent, "--cache", box_with_diarizer, "--settle", "0")

    assert f"call.wav: warning: {BEYOND}\n" in ran.stderr
    call = inbox.parent / "outbox/call"
    assert json.loads((call / "call.labelled.json").read_text())["warnings"] == [SHORT, BEYOND, UNASSIGNED]
    assert f"<li>{BEYOND}</li>" in (call / "call.labelled.html").read_text()


@pytest.fixture
def label(run, tmp_path):
    def label(transcript, *options, rttm=TURNS, rttm_name="talk.rttm", name="talk.json"):
        (tmp_path / rttm_name).write_text(rttm)
        (tmp_path / name).write_text(transcript if isinstance(transcript, str) else json.dumps(transcript))
        return run("label", tmp_path / rttm_name, tmp_path / name, *options)

    return label


def test_label_counts_words_with_impossible_times(label, tmp_path):
    words = [{"word": "Hello", "start": 1.5, "end": 1}, {"word": "there", "start": 2, "end": 3}]
    document = [{"start": 1, "end": 3, "text": "Hello there", "words": words}]
    ran = label(document, "-o", tmp_path / "out.json")
    warning = "1 of 2 words had impossible times, which are estimated from their neighbours"
    assert (ran.exit_code, f"  warning: {warning}\n" in ran.stderr) == (0, True)
    assert json.loads((tmp_path / "out.json").read_text())["warnings"] == [warning]
    assert label(document, "-o", tmp_path / "out.srt", "--json").document["warnings"] == [warning]


HELLO = [{"start": 1, "end": 2, "text": "Hello"}]


@pytest.mark.parametrize(
    ("transcript", "name", "options", "warns_of"),
    [
        (HELLO, "other.json", [], "other"),
        (HELLO, "other.json", ["--uri", "talk"], None),
        (HELLO, "talk.wav.json", [], None),
        (HELLO, "talk.en.json", [], None),
        ("other 1 Ann 1 2 Hello\n", "talk.stm", [], "other"),
        ("talk 1 Ann 1 2 Hello\n", "any.stm", [], None),
    ],
)
def test_label_warns_where_the_two_files_name_different_recordings(label, transcript, name, options, warns_of):
    warnings = label(transcript, *options, name=name).document["warnings"]
    expected = f"the transcript is of {warns_of!r}, but the speaker turns are of 'talk'"
    assert warnings == ([expected] if warns_of else [])


def test_file_names_that_name_no_recording_are_no_warning(label):
    assert label(HELLO, rttm_name="turns.rttm", name="words.json").document["warnings"] == []


@pytest.mark.parametrize("rttm", ["", ";; nobody spoke\n"])
def test_label_takes_the_empty_rttm_of_a_silent_recording(label, rttm, tmp_path):
    ran = label(HELLO, "-o", tmp_path / "out.json", rttm=rttm)
    assert (ran.exit_code, "talk: 1 segments in 1 pieces, 1 without a speaker; speakers: none" in ran.stderr) == (
        0,
        True,
    )
    document = json.loads((tmp_path / "out.json").read_text())
    assert (document["uri"], document["speakers"]) == ("talk", [])
    assert [segment["text"] for segment in document["segments"]] == ["Hello"]
    assert label(HELLO, "--uri", "call", rttm=rttm).document["uri"] == "call"


def test_label_finds_the_recording_of_a_transcript_named_after_the_audio_file(label):
    both = TURNS + TURNS.replace("talk", "call").replace("Ann", "Bob")
    assert label(HELLO, "--json", rttm=both, name="call.wav.json").document["speakers"] == ["Bob"]


def test_json_beside_output_srt_has_times_as_strings(label, tmp_path):
    """WhisperLive's runner has that option, and its readers expect strings."""
    label(HELLO, "-o", tmp_path / "out.json", "--output_srt", tmp_path / "out.srt")
    assert json.loads((tmp_path / "out.json").read_text())["segments"][0]["start"] == "1.000"
    label(HELLO, "-o", tmp_path / "out.json", "-o", tmp_path / "out.srt")
    assert json.loads((tmp_path / "out.json").read_text())["segments"][0]["start"] == 1.0


def test_a_result_with_names_keeps_its_warnings(run, box_with_diarizer, speech, said, tmp_path):
    named = ["--name", "SPEAKER_00=Ada", "-o", tmp_path / "out.json", "--json"]
    document = run("diarize", speech, "-t", said, "--cache", box_with_diarizer, *named).document
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["warnings"] == document["warnings"] == [SHORT, BEYOND, UNASSIGNED]
    assert written["speakers"] == document["speakers"] == ["Ada"]
