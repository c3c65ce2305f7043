"""Which files are written, by what was asked for."""

import argparse
import json
import os
import re
import stat
import threading
from pathlib import Path

import pytest
from support.disks import NOBODY

from diarize_runner.cli.options import add_transcript_option
from diarize_runner.cli.output_options import add_output_options, outputs_of_each, requested_outputs
from diarize_runner.diarization.turns import Diarization, SpeakerTurn
from diarize_runner.errors import DiskError, UsageError
from diarize_runner.jobs.output_file import write_output
from diarize_runner.transcript.assign import assign_speakers
from diarize_runner.transcript.model import Segment, Transcript

TURN = SpeakerTurn(start=0.0, end=1.0, speaker="SPEAKER_00")
DIARIZATION = Diarization(uri="call", turns=(TURN,), exclusive_turns=(TURN,))
TRANSCRIPT = Transcript(segments=(Segment(start=0.0, end=1.0, text="Hello"),))


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def parsed(*words):
    parser = argparse.ArgumentParser()
    add_transcript_option(parser)
    add_output_options(parser)
    return parser.parse_args([*words])


def names(*words, recordings=("call.wav",)):
    outputs = outputs_of_each(parsed(*words), [[Path(recording)] for recording in recordings])
    return [{kind: str(path) for kind, path in wanted.paths.items()} for wanted in outputs]


def written(tmp_path, *words):
    recording = tmp_path / "in" / "my call.wav"
    recording.parent.mkdir()
    recording.write_bytes(b"RIFF")
    requested_outputs(parsed("-t", "said.json", *words), [recording]).write(assign_speakers(TRANSCRIPT, DIARIZATION))


def test_the_end_of_an_outputs_name_says_its_format_and_json_is_the_rest():
    assert names("-o", "a.rttm", "-o", "b.TextGrid", "-o", "c") == [
        {"rttm": "a.rttm", "textgrid": "b.TextGrid", "json": "c"}
    ]


@pytest.mark.parametrize("option", ["--output-srt", "--output_srt"])
def test_the_options_of_the_guide_name_the_format_whatever_the_file_is_called(option):
    assert names("-t", "said.json", option, "a.txt", "--output_rttm", "b.txt") == [{"srt": "a.txt", "rttm": "b.txt"}]


def test_a_folder_gets_a_file_in_each_format_for_each_recording(tmp_path):
    assert names("--output-dir", "out", "--formats", "json,rttm,labels", recordings=["a.wav", "in/b.c.mp3"]) == [
        {"json": "out/a.json", "rttm": "out/a.rttm", "labels": "out/a.labels.txt"},
        {"json": "out/b.c.json", "rttm": "out/b.c.rttm", "labels": "out/b.c.labels.txt"},
    ]
    assert (tmp_path / "out").is_dir()


@pytest.mark.parametrize(
    ("words", "recordings", "message"),
    [
        (["--output-srt", "a.srt"], ["a.wav"], "the format of a.srt needs a transcript"),
        (["--output-dir", "out", "--formats", "vtt"], ["a.wav"], "the format of out/a.vtt needs a transcript"),
        (["--output-dir", "out"], ["a.wav"], "--output-dir and --formats require each other"),
        (["--formats", "json"], ["a.wav"], "--output-dir and --formats require each other"),
        (["-o", "a.rttm", "--output-rttm", "b"], ["a.wav"], "a.rttm and b are both rttm"),
        (["-o", "a.json"], ["a.wav", "b.wav"], "2 recordings cannot share the output a.json"),
        (["--output-dir", ".", "--formats", "json"], ["x/a.wav", "y/a.mp3"], "a.json would be overwritten"),
        (["--output-rttm", "a.wav"], ["a.wav"], "a.wav would be overwritten"),
    ],
)
def test_what_cannot_be_written_apart_is_bad_usage(words, recordings, message):
    with pytest.raises(UsageError) as caught:
        names(*words, recordings=recordings)
    assert caught.value.message.startswith(message)


def test_a_format_that_nobody_knows_is_named(capsys):
    with pytest.raises(SystemExit):
        parsed("--formats", "json,docx")
    assert "'docx' is not one of json, srt, vtt" in capsys.readouterr().err


def test_a_folder_in_the_place_of_an_output_is_refused(tmp_path):
    (tmp_path / "a.json").mkdir()
    with pytest.raises(DiskError):
        names("-o", "a.json")


def test_json_can_be_that_of_the_guide_alone(tmp_path):
    written(tmp_path, "-o", "a.json", "--json-style", "whisperlive")
    assert set(json.loads((tmp_path / "a.json").read_text())) == {"segments", "speakers", "diarization"}


def test_the_recording_is_linked_by_its_path_from_the_output(tmp_path):
    written(tmp_path, "-o", "out/a.eaf")
    assert 'RELATIVE_MEDIA_URL="../in/my%20call.wav"' in (tmp_path / "out/a.eaf").read_text()


@pytest.mark.parametrize(
    ("how", "sound"),
    [("link", ['src="in/my%20call.wav"']), ("embed", ['src="data:audio/x-wav;base64,UklGRg=="']), ("none", [])],
)
def test_a_page_plays_the_recording_as_asked(tmp_path, how, sound):
    written(tmp_path, "-o", "a.html", "--html-audio", how)
    assert re.findall('src="[^"]*"', (tmp_path / "a.html").read_text(encoding="utf-8")) == sound


def test_a_recording_in_a_linked_folder_is_linked_from_where_that_lies(tmp_path):
    (tmp_path / "far/away").mkdir(parents=True)
    (tmp_path / "near").symlink_to(tmp_path / "far/away")
    (tmp_path / "near/call.wav").write_bytes(b"RIFF")
    outputs = requested_outputs(parsed("-o", "near/out/a.html"), [tmp_path / "near/call.wav"])
    outputs.write(assign_speakers(Transcript(segments=()), DIARIZATION))
    assert 'src="../call.wav"' in (tmp_path / "far/away/out/a.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["/proc/x.json", "a.wav/x.json"])
def test_an_output_that_no_file_can_become_is_refused_before_any_work(name):
    Path("a.wav").touch()
    with pytest.raises(DiskError) as caught:
        names("-o", name)
    assert caught.value.message.startswith(f"{name} cannot be written: ")
    assert caught.value.hint == "name a file in a folder of your own"


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path):
    os.mkfifo("call.rttm")
    read = threading.Thread(target=lambda: heard.append(Path("call.rttm").read_text()))
    heard = []
    read.start()
    written(tmp_path, "-o", "call.rttm")
    read.join()
    assert heard == ["SPEAKER call 1 0.000 1.000 <NA> <NA> SPEAKER_00 <NA> <NA>\n"]
    assert Path("call.rttm").is_fifo()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_no_file_is_put_in_the_place_of_a_device(tmp_path):
    os.mknod("full", 0o666 | stat.S_IFCHR, os.makedev(1, 7))
    with pytest.raises(DiskError) as caught:
        written(tmp_path, "-o", "full")
    assert caught.value.hint == "free some space, then run again"
    assert Path("full").is_char_device()


def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path):
    Path("results").mkdir()
    Path("call.rttm").symlink_to("results/first.rttm")
    written(tmp_path, "-o", "call.rttm")
    assert Path("call.rttm").readlink() == Path("results/first.rttm")
    assert Path("results/first.rttm").read_text().startswith("SPEAKER call ")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a link to another user")
@pytest.mark.parametrize("plant", [lambda path: path.symlink_to(path.with_name("precious")), os.mkfifo])
def test_what_another_user_put_where_all_may_write_is_not_written_to(plant, tmp_path):
    Path("shared").mkdir()
    Path("shared").chmod(0o1777)
    Path("shared/precious").write_text("precious")
    plant(Path("shared/call.rttm"))
    os.chown("shared/call.rttm", NOBODY, NOBODY, follow_symlinks=False)

    with pytest.raises(DiskError, match=r"call\.rttm is a link or a pipe of another user"):
        written(tmp_path, "-o", "shared/call.rttm")
    with pytest.raises(DiskError, match=r"call\.rttm is a link or a pipe of another user"):
        write_output(Path("shared/call.rttm"), b"new")

    assert Path("shared/precious").read_text() == "precious"


def test_a_link_of_one_s_own_is_followed_where_all_may_write(tmp_path):
    Path("shared").mkdir()
    Path("shared").chmod(0o1777)
    Path("shared/call.rttm").symlink_to(Path("mine.rttm").absolute())

    written(tmp_path, "-o", "shared/call.rttm")

    assert Path("mine.rttm").read_text().startswith("SPEAKER call ")
