"""`label`: a transcript and an RTTM file in, a labelled transcript out; no recording, no model."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLE = Path(__file__).parents[2] / "vectors" / "pyannote-sample"
TURNS = """\
SPEAKER talk 1 0 3 <NA> <NA> Ann <NA> <NA>
SPEAKER talk 1 3 3 <NA> <NA> Bob <NA> <NA>
"""
WORDS = ("How", "are", "you?", "I", "am", "well.")


@pytest.fixture
def turns(tmp_path) -> Path:
    path = tmp_path / "turns.rttm"
    path.write_text(TURNS)
    return path


@pytest.fixture
def said(tmp_path) -> Path:
    """One segment of six words, a second each."""
    words = [{"word": f" {word}", "start": at, "end": at + 0.9} for at, word in enumerate(WORDS)]
    segment = {"start": 0, "end": 6, "text": " How are you? I am well.", "words": words}
    path = tmp_path / "said.json"
    path.write_text(json.dumps({"segments": [segment]}))
    return path


def spoken(path):
    return [(each["speaker"], each["text"]) for each in json.loads(path.read_text())["segments"]]


def test_the_sample_is_labelled_by_its_own_turns(run, tmp_path):
    outputs = ["-o", tmp_path / "out.json", "--output-srt", tmp_path / "out.srt"]
    ran = run("label", SAMPLE / "sample.rttm", SAMPLE / "sample.stm", *outputs)

    assert (ran.exit_code, ran.stdout) == (0, "")
    assert "sample: 13 segments in 13 pieces, 0 without a speaker; speakers: speaker90, speaker91" in ran.stderr
    assert "[speaker91] And I'm Sheila in Texas" in (tmp_path / "out.srt").read_text()
    names = {"speaker90": "Diane", "speaker91": "Sheila"}
    transcribed_by = [line.split()[2] for line in (SAMPLE / "sample.stm").read_text().splitlines()]
    assert [names[speaker] for speaker, _ in spoken(tmp_path / "out.json")] == transcribed_by


def test_a_segment_is_split_unless_it_is_to_be_kept(run, turns, said, tmp_path):
    assert run("label", turns, said, "-o", tmp_path / "split.json").exit_code == 0
    assert spoken(tmp_path / "split.json") == [("Ann", " How are you?"), ("Bob", " I am well.")]

    assert run("label", turns, said, "--no-split", "-o", tmp_path / "kept.json").exit_code == 0
    assert spoken(tmp_path / "kept.json") == [("Ann", " How are you? I am well.")]


def test_reach_and_smooth_say_what_becomes_of_single_words(run, turns, said, tmp_path):
    turns.write_text("SPEAKER talk 1 0 3 <NA> <NA> Ann <NA> <NA>\nSPEAKER talk 1 1 0.95 <NA> <NA> Bob <NA> <NA>\n")

    def speakers(*options):
        assert run("label", turns, said, "--no-split", *options, "-o", tmp_path / "out.json").exit_code == 0
        return [word["speaker"] for word in json.loads((tmp_path / "out.json").read_text())["segments"][0]["words"]]

    assert speakers("--reach", "0") == ["Ann", "Ann", "Ann", "Ann", None, None]
    assert speakers("--reach", "1") == ["Ann", "Ann", "Ann", "Ann", "Ann", None]

    heard = [("0 1", "Ann"), ("1 1", "Bob"), ("2 1", "Ann"), ("3 3", "Bob")]
    turns.write_text("".join(f"SPEAKER talk 1 {times} <NA> <NA> {name} <NA> <NA>\n" for times, name in heard))
    assert speakers() == ["Ann", "Bob", "Ann", "Bob", "Bob", "Bob"]
    assert speakers("--smooth") == ["Ann", "Ann", "Ann", "Bob", "Bob", "Bob"]


def test_programs_read_what_came_of_it(run, turns, said, tmp_path):
    document = run("label", turns, said, "-o", tmp_path / "out.vtt", "--json").document
    assert document["outputs"] == {"vtt": str(tmp_path / "out.vtt")}
    assert (document["uri"], document["segments"], document["pieces"]) == ("talk", 1, 2)
    assert document["speakers"] == ["Ann", "Bob"]
    assert document["statistics"][0] == {
        "speaker": "Ann",
        "seconds": 3.0,
        "share": 0.5,
        "turns": 1,
        "longest": 3.0,
        "overlapped": 0,
        "words": 3,
    }


def test_without_a_file_the_transcript_goes_to_stdout(run, turns, said):
    ran = run("label", turns, said)
    assert [each["speaker"] for each in ran.document["segments"]] == ["Ann", "Bob"]
    assert "statistics" not in run("label", turns, said, "--json-style", "whisperlive").document


def test_of_several_recordings_the_transcripts_namesake_is_meant(run, turns, said, tmp_path):
    both = TURNS + TURNS.replace("talk", "my_said").replace("Ann", "Cem")
    turns.write_text(both)
    namesake = said.rename(tmp_path / "my said.json")

    assert run("label", turns, namesake, "--json").document["speakers"] == ["Bob", "Cem"]
    assert run("label", turns, namesake, "--uri", "talk", "--json").document["speakers"] == ["Ann", "Bob"]


def test_where_no_recording_can_be_meant_one_is_to_be_named(run, turns, said):
    turns.write_text(TURNS + TURNS.replace("talk", "other"))
    ran = run("label", turns, said)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr == f"error: {turns} has no recording 'said'\nhint: name one of them with --uri: other, talk\n"
    assert "has no recording 'nobody'" in run("label", turns, said, "--uri", "nobody").stderr


def test_a_bad_line_is_named_and_nothing_is_written(run, turns, said, tmp_path):
    turns.write_text(f"{TURNS}SPEAKER talk 1 soon 3 <NA> <NA> Ann <NA> <NA>\n")
    ran = run("label", turns, said, "-o", tmp_path / "out.json")
    assert ran.exit_code == 1
    assert re.match(
        r"error: .*turns\.rttm, line 3: the onset is not a time in seconds: 'soon'\nhint: write each line as: SPEAKER",
        ran.stderr,
    )
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    "options",
    [["--reach", "far"], ["--reach", "-1"], ["-o", "said.json"], ["-o", "turns.rttm"]],
    ids=" ".join,
)
def test_a_command_line_that_makes_no_sense_is_exit_2(run, turns, said, monkeypatch, options):
    monkeypatch.chdir(turns.parent)
    assert run("label", turns.name, said.name, *options).exit_code == 2


def test_an_elan_document_refers_to_the_recording_where_one_is_named(run, turns, said, tmp_path):
    assert run("label", turns, said, "-o", tmp_path / "a.eaf").exit_code == 0
    assert "MEDIA_URL" not in (tmp_path / "a.eaf").read_text()
    assert run("label", turns, said, "--audio", tmp_path / "talk.wav", "-o", tmp_path / "b.eaf").exit_code == 0
    assert "talk.wav" in (tmp_path / "b.eaf").read_text()


WITHOUT = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "pyannote", "av", "numpy", "boto3", "huggingface_hub"}:
            raise ModuleNotFoundError(f"{name} must not be imported here", name=name)
sys.meta_path.insert(0, Refuse())
from diarize_runner.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_labelling_needs_neither_torch_nor_audio(turns, said, tmp_path):
    command = [sys.executable, "-c", WITHOUT, "label", turns, said, "-o", tmp_path / "out.json"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(spoken(tmp_path / "out.json")) == 2


def test_speakers_have_their_names_in_every_output(run, turns, said, tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("Ann=Anna\nBob=Robert\n")
    ran = run("label", turns, said, "--names", names, "--name", "Bob=Bo", "-o", tmp_path / "out.json", "--json")
    assert ran.document["speakers"] == ["Anna", "Bo"]
    assert [part["speaker"] for part in ran.document["statistics"]] == ["Anna", "Bo"]
    assert spoken(tmp_path / "out.json") == [("Anna", " How are you?"), ("Bo", " I am well.")]


@pytest.mark.parametrize("wrong", ["Cy=Cyrus", "Ann", "Ann=", "=Ada"])
def test_a_name_that_no_speaker_can_get_is_refused(run, turns, said, tmp_path, wrong):
    ran = run("label", turns, said, "--name", wrong, "-o", tmp_path / "out.json")
    assert ran.exit_code == 2
    assert not (tmp_path / "out.json").exists()


def test_a_name_for_a_recording_without_turns_is_refused(run, said, tmp_path):
    silent = tmp_path / "said.rttm"
    silent.write_text("")
    ran = run("label", silent, said, "--name", "Ann=Anna")
    assert (ran.exit_code, "hint: it has no speaker turns" in ran.stderr) == (2, True)


def test_an_output_cannot_replace_the_file_of_names(run, turns, said, tmp_path):
    names = tmp_path / "names.json"
    names.write_text('{"Ann": "Anna"}')
    assert run("label", turns, said, "--names", names, "-o", names).exit_code == 2
    assert "Anna" in names.read_text()
