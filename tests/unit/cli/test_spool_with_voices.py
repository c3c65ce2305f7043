"""`diarize-runner spool --voices`, with a diarizer that knows people by the pitch of their tones."""

import json

import pytest
from support.voices import OTHER_MODEL, ByPitch, write_speech

from diarize_runner.diarization import engine

WORDS = [{"start": 0.2, "end": 1.8, "text": "Hello"}, {"start": 2.2, "end": 4.8, "text": "Bye"}]


@pytest.fixture
def loads():
    """A line for each load."""
    return []


@pytest.fixture
def diarizer(monkeypatch, loads):
    """Let every load give the same diarizer."""
    made = ByPitch()
    monkeypatch.setattr(engine, "load", lambda *_: loads.append("loaded") or made)
    return made


@pytest.fixture
def voices(run, box, diarizer, loads, tmp_path):
    """A file with Ada's voice."""
    path = tmp_path / "voices.json"
    ada = write_speech(tmp_path / "ada.wav", ("ada", 4))
    assert run("voices", "enroll", "Ada", ada, "--voices", path, "--cache", box).exit_code == 0
    loads.clear()
    diarizer.diarized.clear()
    return path


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "spool/inbox").mkdir(parents=True)
    return tmp_path / "spool"


@pytest.fixture
def spool(run, box, folder, diarizer):
    return lambda *arguments: run("spool", folder, "--cache", box, "--device", "cpu", "--settle", "0", *arguments)


@pytest.fixture
def drop(folder):
    """Return a function that drops a recording in which Bo speaks, then Ada."""
    return lambda stem: write_speech(folder / f"inbox/{stem}.wav", ("bo", 2), ("ada", 3))


def speakers(folder, stem):
    document = json.loads((folder / f"outbox/{stem}/{stem}.labelled.json").read_text())
    return [turn["speaker"] for turn in document["diarization"]]


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def places(folder):
    """Return the recordings, by the folder that they are in."""
    return {part.name: sorted(path.stem for path in part.rglob("*.wav")) for part in folder.iterdir()}


def test_a_name_reaches_every_file_and_all_others_keep_their_labels(spool, drop, folder, voices):
    drop("call")
    (folder / "inbox/call.json").write_text(json.dumps(WORDS))
    assert spool("--voices", voices).exit_code == 0
    assert set(speakers(folder, "call")) == {"SPEAKER_00", "Ada"}
    call = folder / "outbox/call"
    assert {line.split()[7] for line in (call / "call.labelled.rttm").read_text().splitlines()} == {"SPEAKER_00", "Ada"}
    assert "[Ada] Bye" in (call / "call.labelled.srt").read_text()
    assert "[SPEAKER_00] Hello" in (call / "call.labelled.srt").read_text()
    assert "Ada" in (call / "call.labelled.html").read_text()


def test_the_threshold_decides_who_is_named(spool, drop, folder, voices):
    document = json.loads(voices.read_text())
    document["voices"][0]["embeddings"] = [halfway(each) for each in document["voices"][0]["embeddings"]]
    voices.write_text(json.dumps(document))
    drop("strict")
    spool("--voices", voices, "--voice-threshold", "0.8")
    drop("lenient")
    spool("--voices", voices, "--voice-threshold", "0.7")
    assert set(speakers(folder, "strict")) == {"SPEAKER_00", "SPEAKER_01"}
    assert set(speakers(folder, "lenient")) == {"SPEAKER_00", "Ada"}


def halfway(embedding):
    """Return a unit vector whose cosine with the embedding is 0.71."""
    other = [-embedding[1], embedding[0], -embedding[3], embedding[2], -embedding[5], embedding[4]]
    other += [-embedding[7], embedding[6]]
    return [(one + two) / 2**0.5 for one, two in zip(embedding, other, strict=True)]


@pytest.fixture
def changes(run, box, voices, tmp_path):
    """Functions that change the file, in a fixed order, each after the recording of that name."""
    bo = write_speech(tmp_path / "bo.wav", ("bo", 4))
    return {
        "one": lambda: run("voices", "enroll", "Bo", bo, "--voices", voices, "--cache", box),
        "two": lambda: run("voices", "delete", "Ada", "--voices", voices),
        "three": lambda: run("voices", "delete", "Bo", "--voices", voices),
    }


def test_a_change_of_the_voices_acts_on_the_next_recording(changes, spool, drop, folder, voices, diarizer):
    diarizer.meanwhile = lambda uri: changes.get(uri, lambda: None)()
    for stem in ("one", "two", "three", "four"):
        drop(stem)
    assert spool("--voices", voices).exit_code == 0
    assert set(speakers(folder, "one")) == {"SPEAKER_00", "Ada"}
    assert set(speakers(folder, "two")) == {"Bo", "Ada"}
    assert set(speakers(folder, "three")) == {"Bo", "SPEAKER_01"}
    assert set(speakers(folder, "four")) == {"SPEAKER_00", "SPEAKER_01"}


def test_several_recordings_are_named_by_one_load(spool, drop, folder, voices, loads):
    drop("one")
    drop("two")
    spool("--voices", voices)
    assert set(speakers(folder, "two")) == {"SPEAKER_00", "Ada"}
    assert len(loads) == 1


def of_another_model(path):
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "model": str(OTHER_MODEL)}))


BROKEN = {
    "readable by others": (lambda path: path.chmod(0o644), "other users can use the voices in "),
    "missing": (lambda path: path.unlink(), "No such file or directory"),
    "damaged": (lambda path: path.write_text("{"), "not a JSON document"),
    "empty": (lambda path: path.write_text(""), "is empty"),
    "of another model": (of_another_model, "holds voices of another embedding model"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_file_that_cannot_be_used_costs_no_recording(how, spool, drop, folder, voices):
    before, (damage, problem) = voices.read_bytes(), BROKEN[how]
    damage(voices)
    drop("call")
    ran = spool("--voices", voices)
    assert ran.exit_code in {1, 2}
    assert problem in ran.stderr
    assert "hint: " in ran.stderr
    waiting = places(folder).get("inbox", []) + places(folder).get("claimed", [])
    assert waiting == ["call"]
    repair(voices, before)
    assert spool("--voices", voices).exit_code == 0
    assert set(speakers(folder, "call")) == {"SPEAKER_00", "Ada"}


def repair(path, data):
    path.unlink(missing_ok=True)
    path.touch(0o600)
    path.write_bytes(data)


@pytest.mark.parametrize("how", [how for how in BROKEN if how != "of another model"])
def test_a_file_that_cannot_be_read_is_refused_before_models_load(how, spool, drop, folder, voices, loads):
    BROKEN[how][0](voices)
    drop("call")
    spool("--voices", voices)
    assert (loads, places(folder)) == ([], {"inbox": ["call"]})


@pytest.mark.parametrize("how", BROKEN)
def test_a_file_that_breaks_between_two_recordings_ends_the_run_and_the_next_one_goes_on(
    how, spool, drop, folder, voices, diarizer
):
    before, (damage, problem) = voices.read_bytes(), BROKEN[how]
    diarizer.meanwhile = lambda uri: damage(voices)
    drop("one")
    drop("two")
    ran = spool("--voices", voices)
    assert ran.exit_code in {1, 2}
    assert problem in ran.stderr
    assert places(folder) == {"inbox": [], "claimed": ["two"], "outbox": ["one"], "failed": []}
    repair(voices, before)
    diarizer.meanwhile = lambda uri: None
    assert spool("--voices", voices).exit_code == 0
    assert places(folder) == {"inbox": [], "claimed": [], "outbox": ["one", "two"], "failed": []}


def test_without_the_option_results_are_the_same_byte_for_byte_as_without_voices(spool, drop, folder, voices):
    drop("call")
    spool()
    before = contents(folder / "outbox/call")
    voices.chmod(0o644)  # which is an error with the option
    drop("call")
    assert spool("--voice-threshold", "0.1").exit_code == 0
    assert contents(folder / "outbox/call-2") == before
    assert set(speakers(folder, "call")) == {"SPEAKER_00", "SPEAKER_01"}
    assert b"known_speakers" not in before["call.labelled.json"]


def test_no_output_and_no_log_has_an_embedding(spool, drop, folder, voices):
    drop("call")
    ran = spool("--voices", voices, "-vv", "--json")
    shown = "\n".join(
        [ran.stdout, ran.stderr, *(path.read_text() for path in (folder / "outbox/call").glob("*.labelled.*"))]
    )
    embeddings = json.loads(voices.read_text())["voices"][0]["embeddings"]
    secrets = {str(abs(coordinate))[:6] for each in embeddings for coordinate in each}
    assert "Ada" in shown
    assert len(secrets) >= 8
    assert not [secret for secret in secrets if secret in shown]
