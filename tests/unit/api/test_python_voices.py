"""Known speakers from Python, with a diarizer that knows people by the pitch of their tones."""

import json
import os
import stat
from contextlib import contextmanager
from dataclasses import replace
from unittest import mock

import pytest
from support.run_main import run_main
from support.small_pipelines import restored
from support.sounds import write_wav
from support.transcription import FAKE, MODELS
from support.voices import OTHER_MODEL, ByPitch, speak, write_speech

import diarize_runner
from diarize_runner.api import session as api
from diarize_runner.cli import main
from diarize_runner.diarization import engine
from diarize_runner.errors import ManifestError, UnreadableAudio, UsageError, VoiceError
from diarize_runner.transcription.transcriber import Transcriber
from diarize_runner.voices.file import VoiceFile, delete_voice


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return restored(tmp_path_factory.mktemp("voices"), models=MODELS)


@pytest.fixture
def loads():
    """A line for each load."""
    return []


@pytest.fixture
def diarizer(monkeypatch, loads):
    """Let every load give the same diarizer, and every transcription be that of the fake."""
    made = ByPitch()
    monkeypatch.setattr(engine, "load", lambda *_: loads.append("loaded") or made)
    monkeypatch.setattr(api, "open_transcriber", lambda cache, options: Transcriber(cache, options, child=FAKE))
    return made


@pytest.fixture
def opened(cache, diarizer):
    """Return a function that opens a session."""

    @contextmanager
    def opened(**options):
        with diarize_runner.open_session(cache, device="cpu", **options) as session:
            yield session

    return opened


@pytest.fixture
def say(tmp_path):
    """Return a function that writes a recording of people."""
    return lambda name, *said: write_speech(tmp_path / f"{name}.wav", *said)


@pytest.fixture
def voices(opened, say, tmp_path):
    """A file with Ada's voice."""
    with opened() as session:
        session.enroll("Ada", [say("ada", ("ada", 4))], tmp_path / "voices.json")
    return tmp_path / "voices.json"


@pytest.fixture
def call(say):
    """A recording of Bo, then Ada."""
    return say("call", ("bo", 2), ("ada", 3))


def names(path):
    return [voice.name for voice in VoiceFile.load(path).content.voices]


def test_the_speakers_of_all_results_are_named(opened, call, voices, tmp_path):
    (tmp_path / "call.srt").write_text("1\n00:00:02,200 --> 00:00:04,800\nHello.\n")
    with opened(voices=str(voices)) as session:
        diarized, labelled = session.diarize(call), session.label(call, tmp_path / "call.srt")
        samples, both = session.diarize(speak(("ada", 3)), sample_rate=16_000), session.run(call)
    assert set(diarized.speakers) == {"SPEAKER_00", "Ada"}
    assert [segment.speaker for segment in labelled.segments] == ["Ada"]
    assert samples.speakers == ("Ada",)
    assert set(both.diarization.speakers) == {"SPEAKER_00", "Ada"}
    assert {segment.speaker for segment in both.segments} <= {"SPEAKER_00", "Ada"}
    assert "[Ada] Hello." in labelled.write(tmp_path / "out.srt").read_text()
    recorded = json.loads(diarized.write(tmp_path / "out.json").read_text())["provenance"]["known_speakers"]
    assert recorded == {"voices": str(VoiceFile.load(voices).digest), "threshold": 0.6}


def test_a_transcript_without_speakers_needs_no_voices(opened, call, voices):
    with opened(voices=voices) as session:
        voices.unlink()
        assert [segment.speaker for segment in session.transcribe(call).segments] == [None]


def test_a_change_of_the_voices_acts_on_the_next_call(opened, call, voices, say):
    with opened(voices=voices) as session:
        assert session.enroll("Bo", say("bo", ("bo", 4)), voices) == 4.0
        assert set(session.diarize(call).speakers) == {"Ada", "Bo"}
        delete_voice(voices, "Ada")
        assert set(session.diarize(call).speakers) == {"Bo", "SPEAKER_01"}
        delete_voice(voices, "Bo")
        assert set(session.diarize(call).speakers) == {"SPEAKER_00", "SPEAKER_01"}


def test_the_file_is_found_from_another_working_folder(opened, call, voices, say, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    say("bo", ("bo", 4))
    with opened(voices="voices.json") as session:
        session.enroll("Bo", "bo.wav", "voices.json")
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert set(session.diarize(call).speakers) == {"Ada", "Bo"}


def of_another_model(path):
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "model": str(OTHER_MODEL)}))


BROKEN = {
    "missing": (lambda path: path.unlink(), UsageError, "No such file or directory"),
    "readable by others": (lambda path: path.chmod(0o644), UsageError, "other users can use the voices"),
    "damaged": (lambda path: path.write_text("{"), ManifestError, "not a JSON document"),
    "of another model": (of_another_model, VoiceError, "of another embedding model"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_file_that_cannot_be_used_is_refused_when_the_session_opens(how, opened, voices, loads):
    damage, kind, problem = BROKEN[how]
    damage(voices)
    loads.clear()
    with pytest.raises(kind, match=problem), opened(voices=voices):
        pytest.fail("it was opened")
    assert loads == (["loaded"] if how == "of another model" else [])


@pytest.mark.parametrize("how", BROKEN)
def test_a_file_that_breaks_later_is_refused_and_the_session_stays_open(how, opened, call, voices, diarizer):
    before, (damage, kind, problem) = voices.read_bytes(), BROKEN[how]
    with opened(voices=voices) as session:
        damage(voices)
        diarizer.diarized.clear()
        with pytest.raises(kind, match=problem):
            session.diarize(call)
        assert diarizer.diarized == []
        voices.unlink(missing_ok=True)
        voices.touch(0o600)
        voices.write_bytes(before)
        assert set(session.diarize(call).speakers) == {"SPEAKER_00", "Ada"}


@pytest.mark.parametrize("threshold", [0, 1.1, -0.5, float("nan")])
def test_a_threshold_is_a_cosine(threshold, opened, voices, loads):
    loads.clear()
    with (
        pytest.raises(UsageError, match="is not a number above 0, at most 1"),
        opened(voices=voices, voice_threshold=threshold),
    ):
        pytest.fail("it was opened")
    assert loads == []


def test_the_threshold_decides_who_is_named(opened, call, voices):
    document = json.loads(voices.read_text())
    embedding = document["voices"][0]["embeddings"][0]
    turned = [each for one, two in zip(embedding[::2], embedding[1::2], strict=True) for each in (-two, one)]
    document["voices"][0]["embeddings"] = [[(a + b) / 2**0.5 for a, b in zip(embedding, turned, strict=True)]]
    voices.write_text(json.dumps(document))  # a cosine of 0.71
    for threshold, speakers in ((0.7, {"SPEAKER_00", "Ada"}), (0.8, {"SPEAKER_00", "SPEAKER_01"})):
        with opened(voices=voices, voice_threshold=threshold) as session:
            assert set(session.diarize(call).speakers) == speakers


def test_a_session_without_voices_writes_the_same_bytes_whether_there_are_voices_or_not(opened, call, say, tmp_path):
    with opened() as session:
        before = session.diarize(call).write(tmp_path / "before.json").read_bytes()
        session.enroll("Ada", say("ada", ("ada", 4)), tmp_path / "voices.json")
        assert session.diarize(call).write(tmp_path / "after.json").read_bytes() == before
    assert b"known_speakers" not in before


class TestEnrolment:
    @pytest.fixture
    def session(self, opened):
        with opened() as session:
            yield session

    def test_it_returns_the_seconds_of_speech_and_keeps_the_voice_for_its_owner(self, session, say, tmp_path):
        recordings = [say("one", ("ada", 2)), str(say("two", ("ada", 2.5)))]
        assert session.enroll("Ada Li", recordings, str(tmp_path / "voices.json")) == 4.5
        assert stat.S_IMODE((tmp_path / "voices.json").stat().st_mode) == 0o600
        assert names(tmp_path / "voices.json") == ["Ada Li"]

    def test_it_writes_the_voice_that_the_command_writes(self, session, cache, say, tmp_path, capsys):
        by_python, by_command, ada = tmp_path / "python.json", tmp_path / "command.json", say("ada", ("ada", 4))
        session.enroll("Ada", ada, by_python)
        with mock.patch.dict(os.environ):  # the command changes it for good, as it has a process of its own elsewhere
            options = ["--voices", by_command, "--cache", cache, "--device", "cpu"]
            assert run_main(capsys, main, "voices", "enroll", "Ada", ada, *options).exit_code == 0
        (ours,), (theirs,) = (VoiceFile.load(path).content.voices for path in (by_python, by_command))
        assert replace(ours, enrolled=theirs.enrolled) == theirs

    def test_a_name_is_given_once(self, session, voices, say, diarizer):
        before = voices.read_bytes()
        diarizer.diarized.clear()
        with pytest.raises(UsageError, match="has a voice named Ada"):
            session.enroll("ada", [say("bo", ("bo", 4))], voices)
        assert (voices.read_bytes(), diarizer.diarized) == (before, [])

    @pytest.mark.parametrize("name", ["SPEAKER_00", "A\x1b[1mda", " ", ""])
    def test_a_name_that_is_a_label_or_unreadable_is_refused(self, name, session, say, tmp_path):
        with pytest.raises(UsageError) as raised:
            session.enroll(name, say("ada", ("ada", 4)), tmp_path / "voices.json")
        assert raised.value.hint == "pass the name of the person, as results show it"
        assert not (tmp_path / "voices.json").exists()

    def test_it_hears_one_channel_of_a_recording(self, session, say, tmp_path):
        write_wav(tmp_path / "call.wav", [speak(("bo", 4)), speak(("ada", 4))], 16_000)
        session.enroll("Ada", tmp_path / "call.wav", tmp_path / "voices.json", channel=2)
        session.enroll("Ada", say("ada", ("ada", 4)), tmp_path / "other.json")
        (ours,), (alone,) = (VoiceFile.load(tmp_path / f"{name}.json").content.voices for name in ("voices", "other"))
        assert ours.embeddings == alone.embeddings
        with pytest.raises(UsageError, match="there is no channel 0"):
            session.enroll("Bo", tmp_path / "call.wav", tmp_path / "voices.json", channel=0)

    def test_what_is_no_recording_of_one_person_is_refused(self, session, say, tmp_path):
        (tmp_path / "text.wav").write_text("no audio")
        refused = [
            (say("both", ("ada", 6), ("bo", 2)), VoiceError, "several people speak"),
            ([say("ada", ("ada", 4)), say("bo", ("bo", 4))], VoiceError, "their voices differ"),
            (say("short", ("ada", 1)), VoiceError, "of speech, of 3 s at least"),
            ([], VoiceError, "0.0 s of speech"),
            (tmp_path / "text.wav", UnreadableAudio, "cannot decode"),
        ]
        for recordings, kind, problem in refused:
            with pytest.raises(kind, match=problem):
                session.enroll("Ada", recordings, tmp_path / "voices.json")
        assert not (tmp_path / "voices.json").exists()

    def test_a_file_of_another_model_is_refused_before_any_recording_is_diarized(self, session, voices, say, diarizer):
        of_another_model(voices)
        diarizer.diarized.clear()
        with pytest.raises(VoiceError, match="of another embedding model"):
            session.enroll("Bo", say("bo", ("bo", 4)), voices)
        assert diarizer.diarized == []

    def test_a_closed_session_refuses_it(self, opened, say, tmp_path):
        with opened() as session:
            pass
        with pytest.raises(UsageError, match="this session is closed"):
            session.enroll("Ada", say("ada", ("ada", 4)), tmp_path / "voices.json")
