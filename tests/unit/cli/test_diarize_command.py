"""`diarize-runner diarize` of one recording and of many, with a diarizer that needs no model."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from support.diarizers import OneSpeaker
from support.sounds import tone, write_wav

from diarize_runner.diarization import engine
from diarize_runner.diarization.turns import Diarization, SpeakerHints, SpeakerTurn
from diarize_runner.errors import DeviceUnavailable, PipelineError


@pytest.fixture
def loads():
    """What was loaded, each time that something was."""
    return []


@pytest.fixture
def diarizer(monkeypatch, loads):
    """Let every load give the same diarizer."""
    made = OneSpeaker()

    def load(cache, device, wanted):
        loads.append((device, wanted))
        return made

    monkeypatch.setattr(engine, "load", load)
    return made


@pytest.fixture
def diarize(run, box, diarizer):
    return lambda *arguments: run("diarize", "--cache", box, *arguments)


@pytest.fixture
def calls(speech, tmp_path):
    """Three recordings, of which the second is none."""
    folder = tmp_path / "calls"
    folder.mkdir()
    paths = [shutil.copy(speech, folder / f"{name}.wav") for name in ("ada", "bo", "cy")]
    paths[1].write_text("no sound")
    return paths


@pytest.fixture
def to_folder(tmp_path):
    return ["--output-dir", tmp_path / "out", "--formats", "rttm"]


def line(uri):
    return f"SPEAKER {uri} 1 0.000 1.000 <NA> <NA> SPEAKER_00 <NA> <NA>\n"


def test_many_recordings_take_one_load_and_a_bad_one_stops_none(diarize, loads, calls, to_folder, tmp_path):
    ran = diarize(*calls, *to_folder, "--json")

    assert ran.exit_code == 1
    assert loads == [("auto", "auto")]
    assert {path.name: path.read_text() for path in (tmp_path / "out").iterdir()} == {
        "ada.rttm": line("ada"),
        "cy.rttm": line("cy"),
    }
    ada, bo, cy = ran.document["recordings"]
    assert [each["audio"] for each in (ada, bo, cy)] == [str(path) for path in calls]
    assert bo["error"] == f"cannot decode {calls[1]}: Invalid data found when processing input"
    assert ran.document["failed"] == [str(calls[1])]
    assert ran.document["audio_seconds"] == 2
    took = ada["processing_seconds"] + cy["processing_seconds"]
    assert ran.document["real_time_factor"] == pytest.approx(took / 2)


def test_people_are_told_of_each_recording_and_of_all(diarize, calls, to_folder):
    said = diarize(*calls, *to_folder).stderr

    assert "\nada: 1.0 s of audio in 0." in said
    assert f"\nerror: cannot decode {calls[1]}: Invalid data found when processing input\nhint: use a file" in said
    assert "\n2 done, 0 skipped, 1 failed: 2.0 s of audio in 0." in said
    assert said.endswith(f"\n  failed: {calls[1]}\n")


def test_a_recording_is_written_before_the_next_is_heard(diarize, diarizer, calls, to_folder, tmp_path):
    there = {}
    diarizer.meanwhile = lambda uri: there.update({uri: (tmp_path / "out/ada.rttm").exists()})

    diarize(calls[0], calls[2], *to_folder)

    assert there == {"ada": False, "cy": True}


def test_without_outputs_the_turns_of_all_go_to_stdout_and_with_json_only_the_document(diarize, calls):
    assert diarize(calls[0], calls[2]).stdout == line("ada") + line("cy")
    assert [each["uri"] for each in diarize(calls[0], calls[2], "--json").document["recordings"]] == ["ada", "cy"]


def test_one_recording_that_fails_is_the_commands_own_failure(diarize, loads, calls):
    ran = diarize(calls[1], "--json")
    assert ran.exit_code == 1
    assert ran.document["error"].startswith(f"cannot decode {calls[1]}")
    assert loads == []


def test_a_pipeline_that_fails_on_one_recording_goes_on_with_the_next(diarize, diarizer, calls):
    def fail(uri):
        if uri == "ada":
            raise PipelineError("ada: out of memory")

    diarizer.meanwhile = fail
    ran = diarize(calls[0], calls[2])
    assert (ran.exit_code, ran.stdout) == (1, line("cy"))
    assert "error: ada: out of memory\n" in ran.stderr


def test_what_cannot_be_loaded_is_wrong_with_every_recording(diarize, monkeypatch, calls):
    def load(*_):
        raise DeviceUnavailable("torch finds no CUDA device")

    monkeypatch.setattr(engine, "load", load)
    ran = diarize(calls[0], calls[2], "--device", "cuda")
    assert (ran.exit_code, ran.stderr) == (1, "error: torch finds no CUDA device\n")


@pytest.mark.parametrize(
    "outputs", [["-o", "all.json"], ["--output-dir", "out", "--formats", "rttm"], []], ids=["file", "folder", "stdout"]
)
def test_outputs_that_collide_are_bad_usage_before_any_work(diarize, diarizer, calls, monkeypatch, outputs):
    monkeypatch.chdir(calls[0].parent)
    (calls[0].parent / "other").mkdir()
    other = shutil.copy(calls[0], calls[0].parent / "other/ada.wav")

    ran = diarize(calls[0], other, *outputs)

    assert (ran.exit_code, ran.stdout) == (2, "")
    assert diarizer.diarized == []
    assert {path.suffix for path in calls[0].parent.rglob("*") if path.is_file()} == {".wav"}


@pytest.mark.parametrize("names", [("a b", "a_b"), ("a\tb", "a b"), ("a\x1bb", "a_b"), ("caf\udce9", "caf_")])
def test_recordings_whose_lines_of_rttm_could_not_be_told_apart_are_refused(diarize, diarizer, calls, tmp_path, names):
    paths = [shutil.copy(calls[0], tmp_path / f"{name}.wav") for name in names]

    ran = diarize(*paths)

    assert (ran.exit_code, ran.stdout, diarizer.diarized) == (2, "", [])
    assert ran.stderr.startswith("error: 2 recordings have the name ")
    assert diarize(*paths, "--output-dir", tmp_path / "out", "--formats", "rttm").exit_code == 0
    assert len(list((tmp_path / "out").iterdir())) == 2


@pytest.mark.parametrize(("heard", "said"), [("cafe\u0301", "caf\u00e9"), ("caf\u00e9", "cafe\u0301")])
def test_a_transcript_is_found_in_a_folder_however_its_accents_are_written(diarize, calls, tmp_path, heard, said):
    (tmp_path / "said").mkdir()
    (tmp_path / f"said/{said}.json").write_text(json.dumps([{"start": 0, "end": 0.4, "text": "Hello"}]))
    audio = shutil.copy(calls[0], tmp_path / f"{heard}.wav")

    assert diarize(audio, "-t", tmp_path / "said", "--output-dir", tmp_path / "out", "--formats", "srt").exit_code == 0

    assert "Hello" in (tmp_path / f"out/{heard}.srt").read_text()


def test_recordings_that_differ_in_case_or_accents_alone_have_results_of_their_own(diarize, calls, tmp_path):
    names = ("Call", "call", "caf\u00e9", "cafe\u0301", "a.", "a")
    paths = [shutil.copy(calls[0], tmp_path / f"{name}.wav") for name in names]

    assert diarize(*paths, "--output-dir", tmp_path / "out", "--formats", "rttm").exit_code == 0

    assert {path.name: path.read_text() for path in (tmp_path / "out").iterdir()} == {
        f"{name}.rttm": line(name) for name in names
    }


def test_a_folder_is_bad_usage_and_says_how_to_name_what_is_in_it(diarize, calls):
    ran = diarize(calls[0], calls[0].parent)
    assert ran.exit_code == 2
    assert ran.stderr == (
        f"error: {calls[0].parent} is a folder\nhint: name the recordings in it: {calls[0].parent}/*.wav\n"
    )


def test_what_is_there_is_skipped_when_asked_to(diarize, diarizer, loads, calls, to_folder, tmp_path):
    diarize(calls[0], *to_folder)
    (tmp_path / "out/ada.rttm").write_text("as it was")

    ran = diarize(calls[0], calls[2], *to_folder, "--skip-existing", "--json")

    assert ran.exit_code == 0
    assert ran.document["skipped"] == [str(calls[0])]
    assert (tmp_path / "out/ada.rttm").read_text() == "as it was"
    assert diarizer.diarized == ["ada", "cy"]
    loads.clear()
    again = diarize(calls[0], calls[2], *to_folder, "--skip-existing")
    assert (again.exit_code, again.stderr) == (0, "0 done, 2 skipped, 0 failed\n")
    assert loads == []


def test_a_recording_with_one_of_two_outputs_is_not_skipped(diarize, diarizer, calls, tmp_path):
    one = ["--output-dir", tmp_path / "out", "--formats"]
    diarize(calls[0], *one, "rttm")
    diarize(calls[0], *one, "rttm,json", "--skip-existing")
    assert diarizer.diarized == ["ada", "ada"]


def test_there_is_nothing_to_skip_by_without_outputs(diarize, calls):
    ran = diarize(calls[0], "--skip-existing")
    assert ran.exit_code == 2
    assert ran.stderr.startswith("error: --skip-existing requires outputs\nhint: ")


@pytest.mark.parametrize("words", [["./-x.wav"], ["--", "-x.wav"], ["--audio=-x.wav"]], ids=" ".join)
def test_a_recording_may_be_called_like_an_option(diarize, calls, monkeypatch, words):
    monkeypatch.chdir(calls[0].parent)
    calls[0].rename(calls[0].with_name("-x.wav"))
    assert diarize(*words).stdout == line("-x")


def test_each_recording_has_the_transcript_of_its_name_in_a_folder(diarize, calls, tmp_path):
    said = tmp_path / "said"
    said.mkdir()
    (said / "ada.json").write_text(json.dumps([{"start": 0, "end": 0.4, "text": "Hello"}]))
    (said / "cy.stm").write_text("cy 1 cy 0.0 0.5 goodbye\n")
    shutil.copy(calls[0], calls[1])

    ran = diarize(*calls, "-t", said, "--output-dir", tmp_path / "out", "--formats", "srt", "--json")

    assert "[SPEAKER_00] Hello" in (tmp_path / "out/ada.srt").read_text()
    assert "[SPEAKER_00] goodbye" in (tmp_path / "out/cy.srt").read_text()
    assert ran.document["recordings"][1]["error"] == f"cannot read {said}/bo.json: No such file or directory"


@pytest.mark.parametrize("name", ["ada.wav.srt", "ada.wav.json"])
def test_a_transcript_may_be_named_after_the_whole_name_of_its_recording(diarize, calls, tmp_path, name):
    """whisper.cpp and others write `call.wav.srt`."""
    (tmp_path / "said").mkdir()
    document = (
        "1\n00:00:00,000 --> 00:00:00,400\nHello\n"
        if name.endswith("srt")
        else '[{"start":0,"end":0.4,"text":"Hello"}]'
    )
    (tmp_path / "said" / name).write_text(document)

    assert diarize(calls[0], "-t", tmp_path / "said", "-o", tmp_path / "out.txt").exit_code == 0

    assert (tmp_path / "out.txt").read_text() == "[00:00:00] SPEAKER_00: Hello\n"


def test_the_whole_name_of_a_recording_goes_before_its_stem(diarize, calls, tmp_path):
    said = tmp_path / "said"
    said.mkdir()
    for name in ("ada.json", "ada.wav.json"):
        (said / name).write_text(json.dumps([{"start": 0, "end": 0.4, "text": name}]))
    assert diarize(calls[0], "-t", said, "-o", tmp_path / "out.txt").exit_code == 0
    assert "ada.wav.json" in (tmp_path / "out.txt").read_text()


def test_a_recording_without_transcript_in_the_folder_has_the_formats_without_text(diarize, calls, to_folder, tmp_path):
    said = tmp_path / "said"
    said.mkdir()
    (said / "ada.json").write_text(json.dumps([{"start": 0, "end": 0.4, "text": "Hello"}]))

    ran = diarize(calls[0], calls[2], "-t", said, *to_folder)

    assert ran.exit_code == 0
    assert f"{calls[2]} has no transcript in {said}" in ran.stderr
    assert (tmp_path / "out/cy.rttm").read_text() == line("cy")
    assert diarize(calls[0], calls[2], "-t", said, *to_folder[:2], "--formats", "rttm,srt").exit_code == 1


def test_a_transcript_is_labelled_by_the_rules_that_are_asked_for(diarize, diarizer, monkeypatch, calls, tmp_path):
    heard = [(0, 1, "Ann"), (1, 2, "Bob"), (2, 3, "Ann"), (3, 5, "Bob")]
    turns = tuple(SpeakerTurn(start=start, end=end, speaker=speaker) for start, end, speaker in heard)
    found = Diarization(uri="ada", turns=turns, exclusive_turns=turns)
    monkeypatch.setattr(diarizer, "diarize", lambda *_: found)
    times = [(at, at + 0.9) for at in range(5)] + [(5.5, 5.9)]
    words = [
        {"word": f" {word}", "start": start, "end": end} for word, (start, end) in zip("abcdef", times, strict=True)
    ]
    (tmp_path / "said.json").write_text(json.dumps([{"start": 0, "end": 6, "text": " a b c d e f", "words": words}]))

    def labelled(*options):
        out = tmp_path / "out.json"
        assert diarize(calls[0], "-t", tmp_path / "said.json", "-o", out, *options).exit_code == 0
        pieces = json.loads(out.read_text())["segments"]
        return [[word["speaker"] for word in piece["words"]] for piece in pieces]

    whole = ["Ann", "Bob", "Ann", "Bob", "Bob"]
    assert labelled("--no-split", "--reach", "0") == [[*whole, None]]
    assert labelled("--no-split", "--reach", "1") == [[*whole, "Bob"]]
    assert labelled("--smooth", "--reach", "1") == [["Ann"] * 3, ["Bob"] * 3]
    assert json.loads((tmp_path / "out.json").read_text())["provenance"]["rules"] == {
        "reach": 1.0,
        "longest_word": 1.0,
        "split": {"share": 0.2, "seconds": 1.0, "words": 2},
        "smooth": {"words": 2, "seconds": 1.0},
    }


@pytest.mark.parametrize("option", [["--no-split"], ["--smooth"], ["--reach", "9"]])
def test_rules_of_labelling_are_refused_where_there_is_nothing_to_label(diarize, loads, calls, option):
    ran = diarize(calls[0], *option)
    assert (ran.exit_code, loads) == (2, [])
    assert "require a transcript\nhint: name one: -t FILE" in ran.stderr


def test_one_transcript_is_not_of_several_recordings(diarize, calls, tmp_path):
    (tmp_path / "said.json").write_text("[]")
    ran = diarize(calls[0], calls[2], "-t", tmp_path / "said.json")
    assert ran.exit_code == 2
    assert f"{tmp_path}/said.json cannot be the transcript of 2 recordings" in ran.stderr


@pytest.mark.parametrize("command", ["diarize", "vad"])
def test_a_result_says_which_channel_was_heard(run, box, diarizer, calls, command):
    result = calls[0].with_name("ada.json")
    heard = {}
    for channel in ("1", "mix"):
        run(command, "--cache", box, calls[0], "--channel", channel, "-o", result)
        heard[channel] = json.loads(result.read_text())["provenance"].get("channel")
    assert heard == {"1": 1, "mix": None}


@pytest.mark.parametrize("channel", ["0", "-1", "left", "1.5"])
def test_a_channel_is_a_number_from_1(diarize, calls, channel):
    assert diarize(calls[0], f"--channel={channel}").exit_code == 2


def test_a_channel_that_is_not_there_says_how_many_there_are(diarize, calls):
    assert diarize(calls[0], "--channel", "1").stdout == line("ada")
    assert diarize(calls[0], "--channel", "mix").stdout == line("ada")
    assert f"error: {calls[0]} has no channel 2: it has 1\n" in diarize(calls[0], "--channel", "2").stderr


HINTS = {
    "--num-speakers 2": (SpeakerHints(exactly=2), "1 found, 2 requested"),
    "--min-speakers 3": (SpeakerHints(at_least=3), "1 found, 3 or more requested"),
    "--max-speakers 4": (SpeakerHints(at_most=4), None),
}


@pytest.mark.parametrize(("words", "hints", "unmet"), [(k, *v) for k, v in HINTS.items()], ids=HINTS)
def test_hints_reach_the_pipeline_and_what_it_could_not_keep_to_is_reported(
    diarize, diarizer, calls, words, hints, unmet
):
    ran = diarize(calls[0], *words.split())
    assert diarizer.hints == [hints]
    assert (f"\n  warning: {unmet} speakers" in ran.stderr) is bool(unmet)
    assert diarize(calls[0], *words.split(), "--json").document["unmet_hint"] == unmet


def test_each_channel_of_a_call_is_a_speaker(diarize, calls, tmp_path):
    write_wav(calls[0], [tone(1, 16_000)] * 2, 16_000)
    names = ["--name", "CHANNEL_1=Agent", "--name", "CHANNEL_2=Caller"]
    ran = diarize(calls[0], "--speakers-per-channel", "1", *names, "-o", tmp_path / "out.json", "--json")
    assert ran.document["speakers"] == ["Agent", "Caller"]
    assert ran.document["warnings"] == [
        "100% of the speech is in several channels at once: they may carry the same voices"
    ]
    provenance = json.loads((tmp_path / "out.json").read_text())["provenance"]
    assert (provenance["channel"], provenance["speakers_per_channel"]) == ("each", 1)


def test_names_of_channels_hold_for_many_recordings(diarize, calls, to_folder, tmp_path):
    names = ["--name", "CHANNEL_1=Agent"]
    assert diarize(calls[0], calls[2], "--speakers-per-channel", "1", *names, *to_folder).exit_code == 0
    assert " Agent " in (tmp_path / "out/ada.rttm").read_text()
    assert diarize(calls[0], calls[2], "--speakers-per-channel", "auto", *names, *to_folder).exit_code == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("1 --channel 2", "--speakers-per-channel cannot be combined with --channel"),
        ("auto --max-speakers 2", "--speakers-per-channel cannot be combined with --max-speakers"),
        ("0", "'0' is neither a number of speakers, from 1, nor auto"),
        ("200", "200 speakers are too many"),
    ],
)
def test_speakers_per_channel_are_a_number_without_other_hints(diarize, calls, options, message):
    ran = diarize(calls[0], "--speakers-per-channel", *options.split())
    assert ran.exit_code == 2
    assert message in ran.stderr


def test_a_short_recording_is_a_warning_for_people_and_programs(diarize, calls):
    warning = "the recording lasts 1.0 s: below 10 s, speakers are often missed"

    assert f"\n  warning: {warning}\n" in diarize(calls[0]).stderr
    assert diarize(calls[0], "--json").document["warnings"] == [warning]


def test_an_unexpected_exception_fails_one_recording_and_its_traceback_needs_v(diarize, diarizer, calls, to_folder):
    def overflow(uri):
        if uri == "ada":
            raise OverflowError("Python integer 1000 out of bounds for uint8")

    diarizer.meanwhile = overflow
    quiet, verbose = (diarize(calls[0], calls[2], *to_folder, *more) for more in ([], ["-v"]))

    error = "error: ada.wav: OverflowError in test_diarize_command.py, line "
    for ran in (quiet, verbose):
        assert ran.exit_code == 1
        assert error in ran.stderr
        assert "1 done, 0 skipped, 1 failed" in ran.stderr
    assert "Traceback" not in quiet.stderr
    assert "Traceback (most recent call last):" in verbose.stderr


def test_a_lost_device_ends_the_batch(diarize, diarizer, calls, to_folder):
    def lose(uri):
        raise DeviceUnavailable("CUDA error: unspecified launch failure", hint="run diarize-runner doctor")

    diarizer.meanwhile = lose
    ran = diarize(calls[0], calls[2], *to_folder)

    assert (ran.exit_code, diarizer.diarized) == (1, ["ada"])
    assert ran.stderr.endswith("error: CUDA error: unspecified launch failure\nhint: run diarize-runner doctor\n")


@pytest.mark.parametrize("option", ["--num-speakers", "--min-speakers"])
def test_more_speakers_than_pyannote_numbers_are_a_usage_error(diarize, calls, option):
    ran = diarize(calls[0], option, "128")

    assert (ran.exit_code, ran.stderr.splitlines()[0]) == (2, "error: 128 speakers are too many")
    assert diarize(calls[0], "--max-speakers", "1000").exit_code == 0


def test_the_first_recording_has_no_estimate_and_those_after_it_have_one(diarize, diarizer, calls):
    diarizer.meanwhile = lambda _: time.sleep(0.02)
    first = diarize(calls[0], "--json")
    again = diarize(calls[0], "--json")

    assert first.stderr.startswith("ada: 1.0 s of audio; no estimate, as nothing was timed here yet")
    assert first.document["estimated_seconds"] is None
    assert again.document["estimated_seconds"] == pytest.approx(first.document["processing_seconds"], rel=0.01)
    factor = first.document["processing_seconds"]  # of 1 s of audio
    assert re.match(r"ada: 1\.0 s of audio; about 0\.\d s: 0\.\d s to load the models, then RTF (0\.\d+)", again.stderr)
    assert float(again.stderr.partition("RTF ")[2].split()[0].rstrip(",")) == pytest.approx(factor, abs=0.001)


def test_an_interrupt_keeps_what_is_done_and_leaves_nothing_half(diarize, diarizer, calls, to_folder, tmp_path):
    def interrupt(uri):
        if uri == "cy":
            raise KeyboardInterrupt

    diarizer.meanwhile = interrupt
    ran = diarize(calls[0], calls[2], *to_folder, "--json")

    assert (ran.exit_code, ran.document["exit_code"]) == (130, 130)
    assert ran.document["error"] == "interrupted: 1 of 2 recordings are done; their outputs are kept"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["ada.rttm"]


WAITING = """
import sys, time
from pathlib import Path
from support.diarizers import OneSpeaker
from support.sounds import tone, write_wav
from diarize_runner.cli import main
from diarize_runner.diarization import engine

def wait(uri):
    if uri == "cy":
        Path(sys.argv[1]).touch()
        time.sleep(60)

engine.load = lambda *_: OneSpeaker(meanwhile=wait)
sys.exit(main(sys.argv[2:]))
"""


def test_ctrl_c_ends_the_command_with_130_and_what_was_done_stays(box, calls, to_folder, tmp_path):
    words = [tmp_path / "busy", "diarize", "--cache", box, calls[0], calls[2], *to_folder]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", WAITING, *map(str, words)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "busy").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "error: interrupted: 1 of 2 recordings are done" in said
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["ada.rttm"]


def test_the_same_recording_gives_the_same_bytes(diarize, calls, tmp_path):
    formats = ["--formats", "json,rttm"]
    for name in ("once", "twice"):
        diarize(calls[0], "--output-dir", tmp_path / name, *formats)
    once, twice = (sorted((tmp_path / name).iterdir()) for name in ("once", "twice"))
    assert [path.read_bytes() for path in once] == [path.read_bytes() for path in twice]
    assert len(once) == 2


def test_an_output_that_cannot_be_written_is_found_before_any_work(diarize, loads, calls, tmp_path):
    (tmp_path / "out").write_text("a file, where a folder is wanted")
    ran = diarize(calls[0], "--output-dir", tmp_path / "out", "--formats", "rttm")
    assert ran.exit_code == 1
    assert f"{tmp_path}/out" in ran.stderr
    assert loads == []


def test_names_reach_the_outputs_and_stdout(diarize, calls, tmp_path):
    ran = diarize(calls[0], "--name", "SPEAKER_00=Ada")
    assert ran.stdout == line("ada").replace("SPEAKER_00", "Ada")
    said = ["--name", "SPEAKER_00=Ada", "--name", "SPEAKER_07=Bo", "-o", tmp_path / "ada.json", "--json"]
    document = diarize(calls[0], *said).document
    assert (document["speakers"], document["unknown_labels"]) == (["Ada"], ["SPEAKER_07"])
    assert json.loads((tmp_path / "ada.json").read_text())["speakers"] == ["Ada"]


def test_an_output_cannot_replace_the_file_of_names(diarize, calls, tmp_path, loads):
    names = tmp_path / "names.json"
    names.write_text('{"SPEAKER_00": "Ada"}')
    assert diarize(calls[0], "--names", names, "-o", names).exit_code == 2
    assert (loads, "Ada" in names.read_text()) == ([], True)


def test_names_are_for_one_recording(diarize, calls, to_folder, loads):
    ran = diarize(*calls, *to_folder, "--name", "SPEAKER_00=Ada")
    assert (ran.exit_code, loads) == (2, [])
    assert "one recording" in ran.stderr


def test_the_estimate_of_a_later_call_includes_the_loading_of_the_models(diarize, calls, monkeypatch, diarizer):
    def load_slowly(cache, device, wanted):
        time.sleep(0.5)
        return diarizer

    monkeypatch.setattr(engine, "load", load_slowly)
    assert "no estimate" in diarize(calls[0]).stderr
    (announced,) = [each for each in diarize(calls[0]).stderr.splitlines() if each.startswith("ada: 1.0 s of audio;")]
    assert re.search(r"about \d\.\d s: \d\.\d s to load the models, then RTF", announced)
    assert float(re.search(r"about (\d\.\d) s", announced)[1]) >= 0.5
