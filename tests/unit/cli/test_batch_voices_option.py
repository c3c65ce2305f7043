"""`diarize-runner batch --voices`, with a diarizer that knows people by the pitch of their tones."""

import json

import pytest
from support.voices import OTHER_MODEL, write_speech

FORMATS = ("json", "rttm", "html", "srt", "vtt", "txt", "stm")


@pytest.fixture
def enroll(run, box, diarizer, tmp_path):
    """Return a function that enrolls a person in the file `voices.json`."""

    def enroll(name, person):
        recording = write_speech(tmp_path / f"{person}.wav", (person, 4))
        ran = run("voices", "enroll", name, recording, "--voices", tmp_path / "voices.json", "--cache", box)
        assert ran.exit_code == 0
        diarizer.diarized.clear()

    return enroll


@pytest.fixture
def voices(enroll, tmp_path):
    """A file with Ada's voice."""
    enroll("Ada", "ada")
    return tmp_path / "voices.json"


@pytest.fixture
def calls(tmp_path):
    (tmp_path / "in").mkdir()
    write_speech(tmp_path / "in/a.wav", ("bo", 2), ("ada", 3))
    write_speech(tmp_path / "in/b.wav", ("cy", 2))
    return tmp_path / "in"


@pytest.fixture
def batch(run, box, calls, diarizer, monkeypatch):
    for name in ("SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX"):
        monkeypatch.delenv(name, raising=False)
    return lambda *arguments: run("batch", calls, calls.parent / "out", "--cache", box, "--device", "cpu", *arguments)


def configurations(folder):
    return sorted(path.name for path in (folder / "out").iterdir())


def speakers(folder, name):
    """Return the speakers of the results of a recording, one set for each configuration."""
    documents = [json.loads(path.read_text()) for path in sorted((folder / "out").glob(f"*/results/{name}.*.json"))]
    return [{turn["speaker"] for turn in document["diarization"]} for document in documents]


def thresholds(folder):
    """Return the threshold that each result of a.wav names."""
    documents = [json.loads(path.read_text()) for path in (folder / "out").glob("*/results/a.wav.*.json")]
    known = [document["provenance"].get("known_speakers") for document in documents]
    return sorted(each["threshold"] for each in known if each)


def test_a_name_reaches_every_file_and_all_others_keep_their_labels(batch, voices, tmp_path):
    (tmp_path / "texts").mkdir()
    words = [{"start": 0.2, "end": 1.8, "text": "Hello"}, {"start": 2.2, "end": 4.8, "text": "Bye"}]
    (tmp_path / "texts/a.json").write_text(json.dumps(words))
    ran = batch("--voices", voices, "--transcripts", tmp_path / "texts", "--formats", ",".join(FORMATS[1:]))
    assert ran.exit_code == 0
    assert speakers(tmp_path, "a.wav") == [{"SPEAKER_00", "Ada"}]
    assert speakers(tmp_path, "b.wav") == [{"SPEAKER_00"}]
    files = list((tmp_path / "out").glob("*/results/a.wav.*"))
    assert {path.suffix[1:] for path in files} == set(FORMATS)
    for path in files:
        text = path.read_text()
        assert "Ada" in text, path
        assert "SPEAKER_00" in text, path
        assert "SPEAKER_01" not in text, path


def test_voices_that_change_make_other_results_and_those_without_voices_stay(batch, run, enroll, voices, tmp_path):
    batch()
    (plain,) = configurations(tmp_path)
    batch("--voices", voices)
    enroll("Cy", "cy")
    batch("--voices", voices)
    run("voices", "delete", "Cy", "--voices", voices)
    again = batch("--voices", voices, "--json").document
    assert (again["done"], again["done_before"]) == (0, 2), "the file is as it was before"
    batch("--voices", voices, "--voice-threshold", "0.7")
    assert len(configurations(tmp_path)) == 4
    assert thresholds(tmp_path) == [0.6, 0.6, 0.7]
    assert plain in configurations(tmp_path)
    assert sorted(map(sorted, speakers(tmp_path, "b.wav"))) == [["Cy"], *[["SPEAKER_00"]] * 3]


def test_without_the_option_a_batch_writes_the_same_bytes_whether_there_are_voices_or_not(batch, enroll, tmp_path):
    batch("--formats", "rttm")
    before = contents(tmp_path)
    for path in before:
        (tmp_path / path).unlink()
    enroll("Ada", "ada")
    batch("--formats", "rttm", "--voice-threshold", "0.1")
    assert contents(tmp_path) == before
    assert not [path for path, data in before.items() if b"known_speakers" in data]


def contents(folder):
    files = [path for path in (folder / "out").rglob("*") if path.is_file() and path.parent.name != "progress"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def of_another_model(path):
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "model": str(OTHER_MODEL)}))


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda path: path.unlink(), "No such file or directory"),
        (lambda path: path.chmod(0o604), "other users can use the voices in "),
        (lambda path: path.write_text("{}"), "voices.json"),
        (of_another_model, "of another embedding model than this cache's"),
    ],
)
def test_a_file_that_cannot_be_used_ends_the_run_before_any_recording(
    damage, problem, batch, voices, diarizer, tmp_path
):
    damage(voices)
    ran = batch("--voices", voices)
    assert ran.exit_code in {1, 2}
    assert problem in ran.stderr
    assert "hint: " in ran.stderr
    assert (diarizer.diarized, speakers(tmp_path, "a.wav")) == ([], [])


def test_a_file_without_voices_is_bad_usage(batch, run, voices, diarizer):
    run("voices", "delete", "Ada", "--voices", voices)
    ran = batch("--voices", voices)
    assert (ran.exit_code, "holds no voices" in ran.stderr, diarizer.diarized) == (2, True, [])


def test_a_file_that_changes_while_the_batch_runs_changes_no_result_of_it(
    batch, run, voices, diarizer, calls, tmp_path
):
    write_speech(calls / "z.wav", ("ada", 3))
    diarizer.meanwhile = lambda uri: run("voices", "delete", "Ada", "--voices", voices) if uri == "a" else None
    assert batch("--voices", voices).exit_code == 0
    assert speakers(tmp_path, "z.wav") == [{"Ada"}]


def test_the_status_and_a_retry_know_the_batch(batch, run, voices, calls, tmp_path):
    (calls / "c.bin").write_text("no audio")
    batch("--voices", voices)
    (document,) = run("batch", "status", tmp_path / "out", "--json").document["batches"]
    assert (document["done"], document["left"], len(document["failed"])) == (2, 0, 1)
    assert run("batch", "retry", tmp_path / "out", "--failed", "--json").document == {"forgotten": 1}
    assert batch("--voices", voices, "--json").document["done_before"] == 2


def test_the_configuration_has_the_digest_of_the_voices_and_nothing_that_is_in_them(batch, voices, tmp_path):
    ran = batch("--voices", voices, "--formats", "rttm,html", "-vv")
    (described,) = (tmp_path / "out").glob("*/configuration.json")
    recorded = json.loads(described.read_text())["known_speakers"]
    assert recorded.keys() == {"voices", "threshold"}
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    shown = "\n".join([ran.stdout, ran.stderr, *(path.read_text() for path in files)])
    embeddings = json.loads(voices.read_text())["voices"][0]["embeddings"]
    secrets = {str(abs(coordinate))[:6] for each in embeddings for coordinate in each}
    assert (len(files) > 4, "Ada" in shown, len(secrets) >= 8) == (True, True, True)
    assert not [secret for secret in secrets if secret in shown]
