"""`diarize-runner voices`, and `diarize --voices`, with a diarizer that knows people by the pitch of their tones."""

import json
import re
import stat
from itertools import groupby
from types import SimpleNamespace

import pytest
from support.sounds import write_wav
from support.voices import OTHER_MODEL, embedding_of, speak

from diarize_runner.diarization.audio import SAMPLE_RATE

RTTM_SPEAKERS = re.compile(r"^SPEAKER \S+ 1 \S+ \S+ <NA> <NA> (\S+) <NA> <NA>$", re.MULTILINE)


@pytest.fixture
def voices(tmp_path):
    return tmp_path / "voices.json"


@pytest.fixture
def enroll(run, box, diarizer, voices):
    return lambda *arguments: run("voices", "enroll", *arguments, "--voices", voices, "--cache", box)


@pytest.fixture
def diarize(run, box, diarizer, voices):
    return lambda *arguments: run("diarize", *arguments, "--voices", voices, "--cache", box)


@pytest.fixture
def desk(run, enroll, diarize, diarizer, voices):
    """All commands, the diarizer and the file."""
    return SimpleNamespace(run=run, enroll=enroll, diarize=diarize, diarizer=diarizer, voices=voices)


@pytest.fixture
def ada(enroll, say):
    """Enroll Ada."""
    assert enroll("Ada Li", say("ada", ("ada", 4))).exit_code == 0


@pytest.fixture
def call(say):
    """A recording of Bo, Ada and Cy."""
    return say("call", ("bo", 2), ("ada", 3), ("cy", 2))


def speakers_of(text):
    """Return the speakers in RTTM, in order; adjacent turns of one speaker count once."""
    return [speaker for speaker, _ in groupby(RTTM_SPEAKERS.findall(text))]


def coordinates(path):
    voices = json.loads(path.read_text())["voices"]
    return [str(each) for voice in voices for embedding in voice["embeddings"] for each in embedding]


def test_a_voice_is_kept_for_its_owner_only(enroll, say, voices):
    ran = enroll("Ada", say("one", ("ada", 2)), say("two", ("ada", 2.5)), "--json")
    assert ran.document == {"name": "Ada", "seconds": 4.5, "voices": str(voices)}
    assert stat.S_IMODE(voices.stat().st_mode) == 0o600
    assert [each["name"] for each in json.loads(voices.read_text())["voices"]] == ["Ada"]


def test_an_enrolled_speaker_is_named_and_all_others_keep_their_labels(ada, diarize, call, tmp_path):
    assert speakers_of(diarize(call).stdout) == ["SPEAKER_00", "Ada_Li", "SPEAKER_02"]
    words = [{"start": 2.5, "end": 4.5, "text": "Hello"}, {"start": 5.5, "end": 6.5, "text": "Bye"}]
    (tmp_path / "words.json").write_text(json.dumps(words))
    outputs = [each for kind in ("json", "srt", "rttm", "html") for each in ("-o", tmp_path / f"out.{kind}")]

    document = diarize(call, "-t", tmp_path / "words.json", *outputs, "--json").document

    assert document["speakers"] == ["Ada Li", "SPEAKER_00", "SPEAKER_02"]
    labelled = json.loads((tmp_path / "out.json").read_text())
    assert [each["speaker"] for each in labelled["segments"]] == ["Ada Li", "SPEAKER_02"]
    assert "[Ada Li] Hello" in (tmp_path / "out.srt").read_text()
    assert speakers_of((tmp_path / "out.rttm").read_text()) == ["SPEAKER_00", "Ada_Li", "SPEAKER_02"]
    assert "Ada Li" in (tmp_path / "out.html").read_text()


def test_every_recording_of_a_call_is_named(ada, diarize, call, say, tmp_path):
    other = say("other", ("ada", 2), ("bo", 2))
    diarize(call, other, "--output-dir", tmp_path / "out", "--formats", "rttm")
    named = {path.stem: speakers_of(path.read_text()) for path in (tmp_path / "out").iterdir()}
    assert named == {"call": ["SPEAKER_00", "Ada_Li", "SPEAKER_02"], "other": ["Ada_Li", "SPEAKER_01"]}


def test_a_name_that_the_command_line_gives_goes_before_a_voice(ada, diarize, call):
    given = diarize(call, "--name", "SPEAKER_01=Bea").stdout
    assert speakers_of(given) == ["SPEAKER_00", "Bea", "SPEAKER_02"]
    taken = diarize(call, "--name", "SPEAKER_02=Ada Li").stdout
    assert speakers_of(taken) == ["SPEAKER_00", "SPEAKER_01", "Ada_Li"]


def test_each_channel_of_a_recording_is_heard_alone(ada, diarize, tmp_path):
    write_wav(tmp_path / "call.wav", [speak(("bo", 3)), speak(("ada", 3)) / 4], SAMPLE_RATE)
    ran = diarize(tmp_path / "call.wav", "--speakers-per-channel", "auto")
    assert set(speakers_of(ran.stdout)) == {"CHANNEL_1_SPEAKER_00", "Ada_Li"}


def test_a_threshold_that_no_voice_reaches_names_nobody(enroll, diarize, say, voices):
    enroll("Ada", say("ada", ("ada", 4)))
    document = json.loads(voices.read_text())
    (first, second, *rest), *_ = document["voices"][0]["embeddings"]
    document["voices"][0]["embeddings"] = [[*rest, first, second]]  # of somebody else
    voices.write_text(json.dumps(document))
    assert speakers_of(diarize(say("call", ("ada", 2))).stdout) == ["SPEAKER_00"]


def test_a_voice_is_enrolled_from_one_channel(enroll, voices, tmp_path):
    write_wav(tmp_path / "call.wav", [speak(("bo", 3)), speak(("ada", 3)) / 4], SAMPLE_RATE)
    assert enroll("Ada", tmp_path / "call.wav", "--channel", "2").exit_code == 0
    (embedding, *_) = json.loads(voices.read_text())["voices"][0]["embeddings"]
    assert embedding == pytest.approx(embedding_of("ada"), abs=1e-5)


def test_a_truncated_recording_is_refused_if_requested(enroll, say, voices):
    whole = say("ada", ("ada", 4))
    whole.write_bytes(whole.read_bytes()[:-SAMPLE_RATE])
    assert (enroll("Ada", whole, "--strict").exit_code, voices.exists()) == (1, False)
    assert enroll("Ada", whole).exit_code == 0


def test_two_people_in_a_recording_are_refused(enroll, say, voices):
    ran = enroll("Ada", say("both", ("ada", 6), ("bo", 2)))
    assert (ran.exit_code, voices.exists()) == (1, False)
    assert ran.stderr.endswith(
        "error: both: several people speak: 25% of the speech is others'\n"
        "hint: name a recording in which one person speaks, or a part of this one\n"
    )


def test_a_word_of_somebody_else_is_not_a_second_person(enroll, diarize, say):
    assert enroll("Ada", say("both", ("ada", 12), ("bo", 1))).exit_code == 0
    assert speakers_of(diarize(say("call", ("bo", 2), ("ada", 2))).stdout) == ["SPEAKER_00", "Ada"]


def test_recordings_of_two_people_are_not_one_voice(enroll, say, voices):
    ran = enroll("Ada", say("one", ("ada", 4)), say("other", ("bo", 4)))
    assert (ran.exit_code, voices.exists()) == (1, False)
    assert "error: one and other: their voices differ\nhint: " in ran.stderr


@pytest.mark.parametrize(("said", "seconds"), [([("ada", 2.5)], "2.5"), ([("ada", 0.5)], "0.0")])
def test_too_little_speech_is_refused(enroll, say, voices, said, seconds):
    ran = enroll("Ada", say("short", *said))
    assert (ran.exit_code, voices.exists()) == (1, False)
    assert f"error: {seconds} s of speech, of 3 s at least\nhint: name a longer recording" in ran.stderr


def test_silence_is_no_voice(enroll, tmp_path, voices):
    write_wav(tmp_path / "quiet.wav", [speak(("ada", 4)) * 0], SAMPLE_RATE)
    ran = enroll("Ada", tmp_path / "quiet.wav")
    assert (ran.exit_code, voices.exists()) == (1, False)
    assert "0.0 s of speech" in ran.stderr


def test_voices_of_other_models_are_refused(ada, desk, say, call):
    before = desk.voices.read_bytes()
    desk.diarizer.embedding_model = OTHER_MODEL
    for ran in (desk.diarize(call), desk.enroll("Bo", say("bo", ("bo", 4)))):
        assert ran.exit_code == 1
        said = f"error: {desk.voices} holds voices of another embedding model than this cache's\nhint: enroll"
        assert said in ran.stderr
    assert desk.voices.read_bytes() == before


def test_a_pipeline_without_an_embedding_model_knows_no_voices(ada, enroll, diarize, diarizer, say, call):
    diarizer.embedding_model = None
    for ran in (diarize(call), enroll("Bo", say("bo", ("bo", 4)))):
        assert ran.exit_code == 1
        assert "error: the pipeline of this cache has no embedding model\nhint: use a cache" in ran.stderr


def test_a_name_is_given_once_unless_it_is_replaced(ada, enroll, diarize, diarizer, say, call):
    bo = say("bo", ("bo", 4))
    diarizer.diarized.clear()
    ran = enroll("ada li", bo)
    assert (ran.exit_code, diarizer.diarized) == (2, [])
    assert "has a voice named Ada Li\nhint: choose another name, or replace the voice: --replace\n" in ran.stderr
    assert enroll("Ada Li", bo, "--replace").exit_code == 0
    assert speakers_of(diarize(call).stdout) == ["Ada_Li", "SPEAKER_01", "SPEAKER_02"]


@pytest.mark.parametrize("name", ["SPEAKER_00", "CHANNEL_1", "A\x1b[1mda", " ", "caf\udce9"])
def test_a_name_that_is_a_label_or_unreadable_is_bad_usage(enroll, diarizer, say, voices, name):
    ran = enroll(name, say("ada", ("ada", 4)))
    assert (ran.exit_code, diarizer.diarized, voices.exists()) == (2, [], False)
    assert "hint: see: diarize-runner voices enroll --help" in ran.stderr
    assert "\x1b" not in ran.stderr


@pytest.mark.parametrize("data", [b"", b"{}", b'{"format": "diarize-runner/voices/1"', b"\x00" * 100])
def test_an_empty_or_damaged_file_is_refused_before_any_work(desk, say, call, data):
    desk.voices.touch(0o600)
    desk.voices.write_bytes(data)
    changes = [desk.run("voices", *words, "--voices", desk.voices) for words in (["list"], ["delete", "Ada"])]
    for ran in (desk.diarize(call), desk.enroll("Ada", say("ada", ("ada", 4))), *changes):
        assert (ran.exit_code, ran.stdout) == (1, "")
        assert f"error: {desk.voices}" in ran.stderr
        assert "hint: " in ran.stderr
    assert (desk.voices.read_bytes(), desk.diarizer.diarized) == (data, [])


def test_a_file_that_is_not_there_is_bad_usage(diarize, diarizer, call, voices):
    ran = diarize(call)
    assert (ran.exit_code, diarizer.diarized) == (2, [])
    assert "hint: check the path, or make the file: diarize-runner voices enroll NAME AUDIO --voices FILE" in ran.stderr


def test_an_output_cannot_replace_the_voices(ada, diarize, diarizer, call, voices):
    before = voices.read_bytes()
    diarizer.diarized.clear()
    ran = diarize(call, "-o", voices)
    assert (ran.exit_code, voices.read_bytes(), diarizer.diarized) == (2, before, [])


def test_voices_are_listed_without_their_embeddings(run, ada, voices):
    ran = run("voices", "list", "--voices", voices, "--json")
    (voice,) = ran.document["voices"]
    assert (voice["name"], voice["seconds"], voice.keys()) == ("Ada Li", 4.0, {"name", "enrolled", "seconds"})
    assert run("voices", "list", "--voices", voices).stdout == f"Ada Li\t{voice['enrolled']}\t4.0\n"


def test_a_deleted_voice_names_nobody_and_people_hear_where_copies_may_be(ada, desk, say, call):
    desk.enroll("Bo", say("bo", ("bo", 4)))
    ran = desk.run("voices", "delete", "Ada Li", "--voices", desk.voices)
    assert ran.exit_code == 0
    assert "backups" in ran.stderr
    assert "results" in ran.stderr
    assert len(coordinates(desk.voices)) == 3 * 8
    assert speakers_of(desk.diarize(call).stdout) == ["Bo", "SPEAKER_01", "SPEAKER_02"]
    assert desk.run("voices", "delete", "Ada Li", "--voices", desk.voices).exit_code == 2
    assert desk.run("voices", "delete", "Bo", "--voices", desk.voices).exit_code == 0
    empty = desk.diarize(call)
    assert (empty.exit_code, f"error: {desk.voices} holds no voices\nhint: enroll one" in empty.stderr) == (2, True)


def test_no_output_and_no_log_has_an_embedding(enroll, diarize, say, call, voices, tmp_path):
    formats = "json,srt,vtt,txt,html,rttm,ctm,stm"
    (tmp_path / "words.json").write_text(json.dumps([{"start": 2.5, "end": 4.5, "text": "Hello"}]))
    ran = [
        enroll("Ada", say("ada", ("ada", 4)), "-vv", "--json"),
        diarize(call, "-t", tmp_path / "words.json", "--output-dir", tmp_path / "out", "--formats", formats, "-vv"),
    ]
    assert [each.exit_code for each in ran] == [0, 0]
    written = [path.read_text() for path in (tmp_path / "out").iterdir()]
    assert len(written) == 8
    shown = "\n".join([*written, *(each.stdout + each.stderr for each in ran)])
    secrets = [each.removeprefix("-")[:6] for each in coordinates(voices)]
    assert len(secrets) == 3 * 8
    assert not [secret for secret in secrets if secret in shown]


def test_two_enrolments_at_once_lose_none(enroll, say, voices, monkeypatch, diarizer):
    """The second one writes while the first one still diarizes."""
    bo, ada = say("bo", ("bo", 4)), say("ada", ("ada", 4))
    diarizer.meanwhile = lambda uri: enroll("Bo", bo) if uri == "ada" else None
    assert enroll("Ada", ada).exit_code == 0
    assert [each["name"] for each in json.loads(voices.read_text())["voices"]] == ["Ada", "Bo"]


@pytest.mark.parametrize("threshold", ["0", "1.1", "nan", "high"])
def test_a_threshold_is_a_cosine(ada, diarize, call, threshold):
    ran = diarize(call, "--voice-threshold", threshold)
    assert (ran.exit_code, "is not a number above 0, at most 1" in ran.stderr) == (2, True)


def test_a_file_that_others_can_read_is_refused(ada, diarize, call, voices):
    voices.chmod(0o644)
    ran = diarize(call)
    assert (ran.exit_code, f"hint: run: chmod 600 {voices}" in ran.stderr) == (2, True)
