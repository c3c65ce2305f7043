"""What every command promises: one JSON document on stdout, people's text on stderr, exit codes, errors with hints."""

import json
import os
import re
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from diarize_runner.cli import build_parser

ROOT = Path(__file__).resolve().parents[3]


def test_resolve_pins_a_request_and_says_when_nothing_changed(run, request_file):
    first, second = run("cache", "resolve", request_file, "--json"), run("cache", "resolve", request_file, "--json")
    assert first.document == {
        "changed": True,
        "lock": str(request_file.with_suffix(".lock.json")),
        "files": 1,
        "bytes": 62,
    }
    assert second.document["changed"] is False
    assert (first.stderr, second.stderr) == ("", "")


def test_publish_and_restore_say_whether_they_changed_anything(run, store, tmp_path):
    again = run("cache", "publish", tmp_path / "built", "--store", store, "--json").document
    assert (again["changed"], again["version"], again["serial"]) == (False, "1.0", 1)
    plan = run("cache", "restore", "--store", store, "--into", tmp_path / "box", "--plan", "--json").document
    assert plan["changed"] is True
    assert not (tmp_path / "box").exists()
    restored = run("cache", "restore", "--store", store, "--into", tmp_path / "box", "--json").document
    assert (restored["changed"], restored["bytes_moved"]) == (True, plan["bytes_to_move"])
    second = run("cache", "restore", "--store", store, "--into", tmp_path / "box", "--json").document
    assert (second["changed"], second["bytes_moved"]) == (False, 0)


def test_a_plan_says_how_much_moves_and_how_long_that_takes(run, store, tmp_path):
    restore = ("cache", "restore", "--store", store, "--into", tmp_path / "box")

    planned, said = run(*restore, "--plan", "--json").document, run(*restore, "--plan").stderr

    assert planned["seconds"] == pytest.approx(planned["bytes_to_move"] / planned["bytes_per_second"], abs=0.1)
    assert re.search(
        r"would restore tiny 1\.0, 0\.0 MB to move, 0\.0 MB on disk, about 0 s at [\d.]+ MB/s$", said, re.MULTILINE
    )
    assert run(*restore).exit_code == 0
    unchanged = run(*restore, "--plan", "--json").document
    assert (unchanged["changed"], unchanged["bytes_to_move"], "seconds" in unchanged) == (False, 0, False)


def test_verify_repairs_what_it_finds_when_asked_to(run, store, tmp_path):
    box = tmp_path / "box"
    assert run("cache", "restore", "--store", store, "--into", box).exit_code == 0
    blob = next(path for path in box.glob("versions/*/huggingface/hub/*/blobs/*") if path.stat().st_size)
    blob.write_bytes(b"rot")
    path_in_cache = "/".join(blob.parts[-5:])
    assert run("cache", "verify", box).exit_code == 3

    repaired = run("cache", "verify", box, "--repair", "--store", store, "--json").document

    assert (repaired["ok"], repaired["changed"], repaired["mended"]) == (True, True, [path_in_cache])
    assert run("cache", "verify", box).exit_code == 0
    again = run("cache", "verify", box, "--repair", "--store", store, "--json").document
    assert (again["changed"], again["bytes_moved"]) == (False, 0)


@pytest.mark.parametrize(
    ("given", "missing"), [(["--repair"], "--store"), (["--store", "file:///srv/models"], "--repair")]
)
def test_repair_and_store_require_each_other(run, box, given, missing):
    refused = run("cache", "verify", box, *given)

    assert refused.exit_code == 2
    assert refused.stderr.startswith(f"error: {given[0]} requires {missing}\nhint: ")


def test_people_read_on_stderr_and_pipes_on_stdout(run, box):
    verified = run("cache", "verify", box)
    assert (verified.exit_code, verified.stdout) == (0, "")
    assert "tiny 1.0, 0.0 MB, every file matches the manifest" in verified.stderr


def test_a_flipped_byte_in_a_restored_cache_is_exit_3(run, box):
    blob = next(path for path in box.rglob("blobs/*") if path.is_file())
    blob.write_bytes(b"P" + blob.read_bytes()[1:])
    ran = run("cache", "verify", box)
    assert (ran.exit_code, ran.stdout) == (3, "")
    assert re.match(
        rf"error: .*: not as published: .*/{blob.name}\nhint: fetch the wrong files: diarize-runner cache verify DIR "
        "--repair",
        ran.stderr,
    )


def test_a_flipped_byte_in_the_archive_is_exit_3_and_leaves_nothing(run, store, tmp_path):
    archive = tmp_path / "store/v1.0/huggingface-cache.tar.gz"
    data = archive.read_bytes()
    at = data.index(b"pipeline: {")
    archive.write_bytes(data[:at] + b"P" + data[at + 1 :])
    ran = run("cache", "restore", "--store", store, "--into", tmp_path / "box")
    assert ran.exit_code == 3
    assert re.match(r"error: file:.*huggingface-cache\.tar\.gz: .*\nhint: ", ran.stderr)
    assert not (tmp_path / "box").exists()


def test_a_missing_archive_says_so(run, store, tmp_path):
    (tmp_path / "store/v1.0/huggingface-cache.tar.gz").unlink()
    ran = run("cache", "restore", "--store", store, "--into", tmp_path / "box")
    assert ran.exit_code == 1
    assert ran.stderr.startswith(f"error: {store} has no v1.0/huggingface-cache.tar.gz\n")
    assert not (tmp_path / "box").exists()


def test_an_unknown_version_names_those_that_are_published(run, store, tmp_path):
    ran = run("cache", "restore", "--store", store, "--version", "9.9", "--into", tmp_path / "box")
    assert (ran.exit_code, ran.stderr) == (1, f"error: {store} has no version 9.9\nhint: published versions: 1.0\n")


def test_an_unknown_key_of_a_request_is_named_with_its_place(run, request_file):
    request_file.write_text(request_file.read_text().replace("licence:", "license:"))
    ran = run("cache", "resolve", request_file)
    assert ran.exit_code == 1
    assert ran.stderr.startswith(f"error: {request_file}: missing key 'licence' in 'repos[0]'")
    request_file.write_text(request_file.read_text().replace("license:", "licence: MIT\n    licens:"))
    assert f"error: {request_file}: unknown key 'licens' in 'repos[0]'\nhint: the keys here are: repo_id" in (
        run("cache", "resolve", request_file).stderr
    )


def test_a_build_without_a_lock_says_how_to_get_one(run, request_file, tmp_path):
    ran = run("cache", "build", request_file, "--version", "1.0", "--out", tmp_path / "out")
    assert ran.exit_code == 1
    assert ran.stderr.endswith(f"hint: run: diarize-runner cache resolve {request_file}\n")


@pytest.mark.parametrize("url", ["ftp://host/prefix", "s3:///prefix", "/srv/models", "file://elsewhere/x", ""])
def test_an_address_that_is_no_store_is_bad_usage(run, tmp_path, url):
    ran = run("cache", "restore", "--store", url, "--into", tmp_path / "box")
    assert ran.exit_code == 2
    assert ran.stderr.startswith(f"error: {url!r} is not a store address\nhint: ")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["cache"],
        ["diarize", "--device", "tpu", "a.wav"],
        ["diarize"],
        ["diarize", "a.wav", "-a", "b.wav"],
        ["diarize", "a.wav", "--num-speakers", "0"],
        ["diarize", "a.wav", "--num-speakers", "2", "--max-speakers", "3"],
        ["diarize", "a.wav", "--min-speakers", "4", "--max-speakers", "3"],
        ["diarize", "a.wav", "--output-srt", "a.srt"],
        ["benchmark", "--repeats", "0"],
        ["benchmark", "--reference", "a.rttm"],
    ],
    ids=" ".join,
)
def test_a_command_line_that_makes_no_sense_is_exit_2(run, arguments):
    assert run(*arguments).exit_code == 2


class TestBadInputToDiarize:
    """Everything a user hands in is read before any model is loaded, so these cost nothing."""

    def test_a_file_that_is_not_audio(self, run, tmp_path):
        (tmp_path / "notes.wav").write_text("these are notes")
        ran = run("diarize", tmp_path / "notes.wav", "-o", tmp_path / "out.json")
        assert ran.exit_code == 1
        assert re.match(r"error: .*notes\.wav.*\nhint: ", ran.stderr)
        assert not (tmp_path / "out.json").exists()

    def test_an_empty_recording(self, run, tmp_path):
        with wave.open(str(tmp_path / "empty.wav"), "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", ""))
        ran = run("diarize", tmp_path / "empty.wav")
        assert (ran.exit_code, ran.stderr.splitlines()[0]) == (1, f"error: {tmp_path}/empty.wav holds no samples")

    def test_a_transcript_that_is_not_json(self, run, speech, tmp_path):
        (tmp_path / "said.json").write_text("{segments: oops")
        ran = run("diarize", speech, "-t", tmp_path / "said.json", "-o", tmp_path / "out.json")
        assert ran.exit_code == 1
        assert re.match(r"error: .*said\.json.*\nhint: ", ran.stderr)

    @pytest.mark.parametrize(
        "outputs",
        [["--output-rttm", "speech.wav"], ["-t", "said.stm", "-o", "said.stm"], ["-o", "a", "--output-rttm", "./a"]],
        ids=["the recording", "the transcript", "each other"],
    )
    def test_no_output_overwrites_an_input_or_another_output(self, run, speech, tmp_path, monkeypatch, outputs):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "said.stm").write_text("speech 1 anna 0.0 0.5 hello\n")
        before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
        ran = run("diarize", speech.name, *outputs)
        assert ran.exit_code == 2
        assert "would be overwritten" in ran.stderr
        assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before

    def test_an_output_that_is_a_folder_is_refused_before_any_work(self, run, speech, tmp_path):
        ran = run("diarize", speech, "-o", tmp_path)
        assert ran.stderr == f"error: {tmp_path} cannot be written\nhint: name a file in a folder of your own\n"

    def test_a_cache_that_is_not_there(self, run, speech, tmp_path):
        ran = run("diarize", speech, "--cache", tmp_path / "nowhere")
        assert ran.exit_code == 1
        assert ran.stderr.startswith(f"error: {tmp_path}/nowhere holds no restored cache")
        assert "hint: run: diarize-runner cache restore" in ran.stderr

    def test_a_damaged_cache_is_exit_3_before_anything_is_loaded(self, run, speech, box):
        next(path for path in box.rglob("blobs/*") if path.is_file()).write_bytes(b"cos\nsystem\n(S'true'\ntR.")
        assert run("diarize", speech, "--cache", box).exit_code == 3


def test_the_doctor_finds_what_is_wrong_and_says_what_to_run(run, box, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_not_a_real_one")
    ran = run("doctor", "--cache", box, "--json")
    checks = {check["name"]: check for check in ran.document["checks"]}
    assert (ran.exit_code, ran.document["state"], checks["token"]["state"]) == (2, "drift", "drift")
    assert "hf_not_a_real_one" not in ran.stdout + ran.stderr
    assert checks["cache"]["ok"]
    assert checks["offline guard"]["ok"]
    monkeypatch.delenv("HF_TOKEN")
    assert run("doctor", "--cache", box, "--json").exit_code == 0


def test_the_doctor_fails_without_a_transcription_model_only_if_one_is_required(run, box):
    ran = run("doctor", "--cache", box, "--json", "--require-transcription")
    failed = [check for check in ran.document["checks"] if not check["ok"]]
    assert (ran.exit_code, [check["name"] for check in failed]) == (3, ["transcription model"])
    assert "cache_manifests/whisper-small.yaml" in failed[0]["hint"]


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


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["diarize", "--help"], ["cache", "verify", "{box}"], ["cache", "restore"], ["cache", "list"]],
)
def test_the_cache_commands_and_every_help_run_without_torch_audio_or_clouds(box, store, arguments):
    given = [argument.format(box=box) for argument in arguments]
    given += {"restore": ["--store", store, "--into", str(box)], "list": ["--store", store]}.get(arguments[-1], [])
    done = subprocess.run([sys.executable, "-c", WITHOUT, *given], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", ["cache verify", "diarize", "benchmark run"])
def test_an_unknown_option_leads_to_the_help_of_its_command(run, words):
    ran = run(*words.split(), "somewhere", "--xyzzy")
    assert ran.exit_code == 2
    expected = f"error: unrecognized arguments: --xyzzy\nhint: see: diarize-runner {words} --help\n"
    assert ran.stderr == expected


def test_what_is_not_installed_is_named(box, tmp_path):
    (tmp_path / "a.wav").write_bytes(b"x")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, "diarize", str(tmp_path / "a.wav"), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert re.match(r"error: .* is not installed here\nhint: ", done.stderr)
    assert json.loads(done.stdout)["exit_code"] == 1


def test_a_misspelt_option_is_said_as_every_other_error(run):
    ran = run("cache", "list-everything")
    assert ran.exit_code == 2
    assert ran.stderr.startswith("error: VERB: 'list-everything' is not one of resolve, build, ")
    assert ran.stderr.endswith("\nhint: see: diarize-runner cache --help\n")


def test_half_an_option_is_none(run, store):
    """What a script says stands for the same thing when another option begins alike."""
    ran = run("cache", "list", "--sto", store)
    assert (ran.exit_code, ran.stdout) == (2, "")


FAILURES = {
    "half a command line": (["cache", "list", "--json"], 2),
    "no such command": (["catch", "--json"], 2),
    "an address that is none": (["cache", "list", "--store", "ftp://host", "--json"], 2),
    "no such version": (["cache", "restore", "--json", "--store", "{store}", "--into", "{box}", "--version", "9"], 1),
    "a damaged cache": (["cache", "verify", "{box}", "--json"], 3),
}


@pytest.mark.parametrize(("arguments", "exit_code"), FAILURES.values(), ids=list(FAILURES))
def test_a_failure_is_a_json_document_too_and_says_what_the_lines_say(run, store, box, arguments, exit_code):
    next(path for path in box.rglob("blobs/*") if path.is_file()).write_bytes(b"damaged")

    ran = run(*[argument.format(store=store, box=box) for argument in arguments])

    assert (ran.exit_code, ran.document["exit_code"]) == (exit_code, exit_code)
    assert set(ran.document) == {"error", "hint", "exit_code"}
    assert ran.stderr == f"error: {ran.document['error']}\nhint: {ran.document['hint']}\n"


@pytest.mark.parametrize("as_json", [[], ["--json"]], ids=["text", "json"])
def test_a_command_that_is_interrupted_says_so(run, store, tmp_path, monkeypatch, as_json):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("diarize_runner.cli.cache_list.list_versions", interrupted)

    ran = run("cache", "list", "--store", store, *as_json)

    assert (ran.exit_code, ran.stderr) == (130, "error: interrupted\n")
    assert not ran.stdout if not as_json else ran.document == {"error": "interrupted", "hint": "", "exit_code": 130}


def commands(parser, path=()):
    groups = [action for action in parser._actions if hasattr(action, "choices") and isinstance(action.choices, dict)]
    for group in groups:
        for name, command in group.choices.items():
            yield from commands(command, (*path, name))
    if not groups:
        yield path, parser


@pytest.mark.parametrize(
    ("path", "parser"),
    list(commands(build_parser())),
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_every_command_takes_json_and_describes_itself_and_its_options(path, parser):
    assert "--json" in parser.format_help()
    assert parser.description, path
    options = [action for action in parser._actions if action.option_strings]
    assert [action.dest for action in options if not action.help] == []


@pytest.mark.parametrize("arguments", [["cache", "list", "--json"], ["cache", "sbom"]], ids=" ".join)
@pytest.mark.parametrize(("stdout", "said"), [("full", "No space left on device"), ("closed", "Broken pipe")])
def test_what_cannot_be_written_to_stdout_is_said_as_every_other_error(store, tmp_path, arguments, stdout, said):
    read, write = os.pipe()
    os.close(read)
    given = [str(tmp_path / "built")] if "sbom" in arguments else ["--store", store]
    with Path("/dev/full").open("wb") as full, os.fdopen(write, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "diarize_runner", *arguments, *given],
            stdout={"full": full, "closed": closed}[stdout],
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"error: stdout cannot be written to: {said}"


def test_a_store_in_which_nothing_lies_is_said_to_be(run, tmp_path):
    ran = run("cache", "list", "--store", tmp_path.as_uri())
    assert (ran.exit_code, ran.stderr) == (0, f"{tmp_path.as_uri()}: nothing is published there\n")


def test_a_version_that_is_none_is_bad_usage(run, request_file, tmp_path):
    run("cache", "resolve", request_file)
    ran = run("cache", "build", request_file, "--version", "x y", "--out", tmp_path / "built")
    assert ran.exit_code == 2
    assert ran.stderr.startswith("error: 'x y' is not a valid version\nhint: ")


@pytest.mark.parametrize("command", ["restore", "wheels"])
@pytest.mark.parametrize("rate", ["0", "-1", "inf", "nan", "fast"])
def test_a_rate_that_would_wait_without_end_is_no_rate(run, tmp_path, command, rate):
    ran = run("cache", command, "--store", tmp_path.as_uri(), "--into", tmp_path / "box", f"--min-rate={rate}")

    assert ran.exit_code == 2
    assert ran.stderr == (
        f"error: argument --min-rate: '{rate}' is not a rate: give kilobytes per second, above 0\n"
        f"hint: see: diarize-runner cache {command} --help\n"
    )
