"""`diarize --link`, with a diarizer that knows people by the pitch of their tones."""

import json
import re
from itertools import groupby

import pytest
from support.voices import embedding_of

from diarize_runner.transcript.formats.registry import FORMATS

RTTM_SPEAKERS = re.compile(r"^SPEAKER \S+ 1 \S+ \S+ <NA> <NA> (\S+) <NA> <NA>$", re.MULTILINE)
LABEL = re.compile(r"(?:SPEAKER|CHANNEL)_\d+")
BO, ADA, CY = "SPEAKER_00", "SPEAKER_01", "SPEAKER_02"
SAID = {"one": [("bo", 2), ("ada", 2)], "two": [("ada", 2), ("cy", 2)], "three": [("cy", 2), ("bo", 2)]}
LINKED = {"one": [BO, ADA], "two": [ADA, CY], "three": [CY, BO]}


@pytest.fixture
def diarize(run, box, diarizer):
    return lambda *arguments: run("diarize", *arguments, "--cache", box)


@pytest.fixture
def recordings(say):
    """Three recordings, which share Bo, Ada and Cy."""
    return [say(name, *said) for name, said in SAID.items()]


@pytest.fixture
def words(tmp_path):
    """A folder with a transcript of each recording."""
    folder = tmp_path / "words"
    folder.mkdir()
    for name in SAID:
        said = [{"start": 0.5, "end": 1.5, "text": "Hello"}, {"start": 2.5, "end": 3.5, "text": "Bye"}]
        (folder / f"{name}.json").write_text(json.dumps(said))
    return folder


def speakers_of(text):
    """Return the speakers in RTTM, in order; adjacent turns of one speaker count once."""
    return [speaker for speaker, _ in groupby(RTTM_SPEAKERS.findall(text))]


def without_provenance(path):
    """Return a file's content without what it tells of the linking, in JSON and HTML."""
    told = r',\s*"linked_speakers": \{[^}]*\}|<dt>linked_speakers threshold</dt><dd>[^<]*</dd>'
    return re.sub(told, "", path.read_text())


@pytest.fixture
def written(diarize, tmp_path):
    """Return a function that diarizes, and returns the speakers of each recording as RTTM has them."""

    def write(*arguments):
        out = tmp_path / "out"
        ran = diarize(*arguments, "--output-dir", out, "--formats", "rttm")
        assert ran.exit_code == 0, ran.stderr
        return {path.stem: speakers_of(path.read_text()) for path in out.iterdir()}

    return write


def test_the_same_voice_has_the_same_label_in_all_recordings(written, recordings):
    assert written(*recordings, "--link") == LINKED


def test_without_the_option_labels_are_of_each_recording(written, recordings):
    assert set(map(tuple, written(*recordings).values())) == {("SPEAKER_00", "SPEAKER_01")}


@pytest.mark.parametrize("kind", sorted(set(FORMATS) - {"ctm"}))
def test_every_format_that_has_speakers_has_the_labels(diarize, recordings, words, tmp_path, kind):
    out = tmp_path / "out"
    assert diarize(*recordings, "--link", "-t", words, "--output-dir", out, "--formats", kind).exit_code == 0
    found = {path.name.partition(".")[0]: set(LABEL.findall(path.read_text())) for path in out.iterdir()}
    assert found == {name: set(labels) for name, labels in LINKED.items()}


def test_programs_get_the_labels(diarize, recordings):
    document = diarize(*recordings, "--link", "--json").document
    assert [each["speakers"] for each in document["recordings"]] == [sorted(labels) for labels in LINKED.values()]


def test_a_speaker_who_says_little_shares_no_label(written, say):
    recordings = [say("one", ("ada", 1), ("bo", 2)), say("two", ("ada", 1), ("bo", 2)), say("three", ("ada", 2))]
    assert written(*recordings, "--link") == {
        "one": ["SPEAKER_00", "SPEAKER_01"],
        "two": ["SPEAKER_02", "SPEAKER_01"],
        "three": ["SPEAKER_03"],
    }


def test_one_recording_is_the_same_but_for_its_provenance(diarize, say, words, tmp_path):
    recording, kinds = say("one", *SAID["one"]), ",".join(FORMATS)
    for folder, options in (("plain", []), ("linked", ["--link"])):
        outputs = ["-t", words / "one.json", "--output-dir", tmp_path / folder, "--formats", kinds]
        assert diarize(recording, *outputs, *options).exit_code == 0
    plain, linked = tmp_path / "plain", tmp_path / "linked"
    assert len(list(plain.iterdir())) == len(FORMATS)
    assert "linked_speakers" in (linked / "one.json").read_text()
    for path in plain.iterdir():
        assert without_provenance(linked / path.name) == path.read_text(), path.name


def test_known_speakers_are_named_first_and_only_others_are_linked(run, box, written, recordings, say, tmp_path):
    voices = ["--voices", tmp_path / "voices.json"]
    assert run("voices", "enroll", "Bo", say("bo", ("bo", 4)), *voices, "--cache", box).exit_code == 0
    assert written(*recordings, "--link", *voices) == {
        "one": ["Bo", "SPEAKER_01"],
        "two": ["SPEAKER_01", "SPEAKER_00"],
        "three": ["SPEAKER_00", "Bo"],
    }


def test_names_of_the_command_line_are_of_one_recording(diarize, diarizer, recordings):
    ran = diarize(recordings[0], "--link", "--name", "SPEAKER_00=Bea")
    assert speakers_of(ran.stdout) == ["Bea", "SPEAKER_01"]
    diarizer.diarized.clear()
    refused = diarize(*recordings, "--link", "--name", "SPEAKER_00=Bea")
    assert (refused.exit_code, diarizer.diarized) == (2, [])
    assert "--name and --names require one recording" in refused.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--link", "--speakers-per-channel", "auto"], "--link cannot be combined with --speakers-per-channel"),
        (["--link", "--speakers-per-channel", "1"], "--link cannot be combined with --speakers-per-channel"),
        (["--link", "--skip-existing", "-o", "/dev/null"], "--link cannot be combined with --skip-existing"),
        (["--link-threshold", "0.5"], "--link-threshold requires --link"),
        (["--link", "--link-threshold", "0"], "'0' is not a number above 0, at most 1"),
        (["--link", "--link-threshold", "nan"], "'nan' is not a number above 0, at most 1"),
    ],
)
def test_what_cannot_be_linked_is_refused_before_any_work(diarize, diarizer, recordings, options, message):
    ran = diarize(recordings[0], *options)
    assert (ran.exit_code, diarizer.diarized) == (2, [])
    assert message in ran.stderr
    assert "hint: " in ran.stderr


def test_a_pipeline_without_an_embedding_model_links_nothing(diarize, diarizer, recordings):
    diarizer.embedding_model = None
    ran = diarize(*recordings, "--link")
    assert (ran.exit_code, diarizer.diarized) == (1, [])
    assert "error: the pipeline of this cache has no embedding model\nhint: use a cache" in ran.stderr


def test_a_recording_that_fails_takes_no_label(diarize, recordings, tmp_path):
    recordings[1].write_bytes(b"no audio")
    out = tmp_path / "out"
    assert diarize(*recordings, "--link", "--output-dir", out, "--formats", "rttm").exit_code == 1
    found = {path.stem: speakers_of(path.read_text()) for path in out.iterdir()}
    assert found == {"one": [BO, ADA], "three": ["SPEAKER_02", BO]}


def test_the_outputs_of_a_recording_are_there_before_the_next_one(diarize, diarizer, recordings, tmp_path):
    out, seen = tmp_path / "out", {}
    diarizer.meanwhile = lambda uri: seen.update({uri: sorted(path.stem for path in out.iterdir())})
    diarize(*recordings, "--link", "--output-dir", out, "--formats", "rttm")
    assert seen == {"one": [], "two": ["one"], "three": ["one", "two"]}


def test_the_next_command_knows_nothing_of_this_one(written, recordings):
    written(recordings[0], "--link")
    assert written(recordings[2], "--link")["three"] == ["SPEAKER_00", "SPEAKER_01"]


def test_the_threshold_is_the_least_cosine(written, recordings):
    assert written(*recordings, "--link", "--link-threshold", "1") != LINKED  # rounding keeps equal voices below 1


def test_the_provenance_has_the_threshold(diarize, recordings, tmp_path):
    out = tmp_path / "out"
    diarize(*recordings, "--link", "--link-threshold", "0.7", "--output-dir", out, "--formats", "json")
    for path in out.iterdir():
        assert json.loads(path.read_text())["provenance"]["linked_speakers"] == {"threshold": 0.7}
    diarize(recordings[0], "-o", tmp_path / "plain.json")
    assert "linked_speakers" not in json.loads((tmp_path / "plain.json").read_text())["provenance"]


def test_no_output_and_no_log_has_an_embedding(diarize, recordings, words, tmp_path):
    out = tmp_path / "out"
    options = ["-t", words, "--output-dir", out, "--formats", ",".join(FORMATS), "--link", "-vv", "--json"]
    ran = diarize(*recordings, *options)
    assert ran.exit_code == 0
    shown = "\n".join([ran.stdout, ran.stderr, *(path.read_text() for path in out.iterdir())])
    secrets = [f"{abs(each):.4f}" for person in ("ada", "bo", "cy") for each in embedding_of(person)]
    assert len(secrets) == 24
    assert not [secret for secret in secrets if secret in shown]
