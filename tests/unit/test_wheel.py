"""`pip install .` makes a working command on every supported Python, with the lowest and the newest dependencies."""

import json
import os
import re
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from support.pythons import interpreter
from support.tiny_request import REQUEST

from diarize_runner.version import __version__

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
UV = Path(sys.executable).with_name("uv")
RTTM = "SPEAKER talk 1 0 2 <NA> <NA> SPEAKER_00 <NA> <NA>\n"
SRT = "1\n00:00:00,000 --> 00:00:01,000\nHello.\n"


def requirements_of(wheel, *extras):
    """Return what the wheel's metadata requires for itself and for these extras."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    found = map(Requirement, metadata.get_all("Requires-Dist"))
    return [
        each for each in found if not each.marker or any(each.marker.evaluate({"extra": extra}) for extra in extras)
    ]


def run(*command, cwd=None, code=0):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DIARIZE_RUNNER_"))}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=clean, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    run(UV, "build", "--quiet", "--wheel", "--out-dir", folder, ROOT)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module", params=PYTHONS)
def command(request, wheel, tmp_path_factory):
    """Install the wheel into an empty environment, as pip would, and return its command."""
    python = interpreter(request.param)
    if not python:
        pytest.skip(f"Python {request.param} is not installed here")
    folder = tmp_path_factory.mktemp("environment")
    run(UV, "venv", "--quiet", "--python", python, folder / "venv")
    run(UV, "pip", "install", "--quiet", "--python", folder / "venv/bin/python", wheel)
    return folder / "venv/bin/diarize-runner"


@pytest.fixture(scope="module")
def lowest_command(wheel, tmp_path_factory):
    """Install the lowest versions that the bounds of the command and of its extras `s3` and `build` allow."""
    folder = tmp_path_factory.mktemp("lowest")
    python = folder / "venv/bin/python"
    lowest = [f"{each.name}{each.specifier}" for each in requirements_of(wheel, "s3", "build")]
    run(UV, "venv", "--quiet", "--python", sys.executable, folder / "venv")
    run(UV, "pip", "install", "--quiet", "--python", python, "--resolution=lowest-direct", *lowest)
    run(UV, "pip", "install", "--quiet", "--python", python, "--no-deps", wheel)
    return folder / "venv/bin/diarize-runner"


def test_the_command_tells_its_version_and_its_help(command):
    assert run(command, "--version").stdout == f"diarize-runner {__version__}\n"
    assert "find who spoke when" in run(command, "--help").stdout


def test_the_command_labels_a_transcript(command, tmp_path):
    (tmp_path / "talk.rttm").write_text(RTTM)
    (tmp_path / "talk.srt").write_text(SRT)

    run(command, "label", "talk.rttm", "talk.srt", "-o", "labelled.srt", cwd=tmp_path)

    assert "[SPEAKER_00] Hello." in (tmp_path / "labelled.srt").read_text()


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["diarize", "talk.wav"], "diarization"),
        (["cache", "list", "--store", "s3://bucket/models"], "s3"),
        (["cache", "resolve", "hub.yaml"], "build"),
    ],
    ids=["diarize", "a bucket", "the Hub"],
)
def test_a_command_that_needs_more_names_the_extra_that_has_it(command, tmp_path, arguments, extra):
    (tmp_path / "talk.wav").write_bytes(b"RIFF")
    hub = "    hub:\n      allow_patterns: [config.yaml]\n"
    (tmp_path / "hub.yaml").write_text(REQUEST.partition("    files:")[0] + hub)

    failed = run(command, *arguments, cwd=tmp_path, code=1)

    assert failed.stderr.startswith("error: ")
    assert f"is not installed here\nhint: in a clone, run: pip install '.[{extra}]'" in failed.stderr


@pytest.mark.long
def test_a_cache_is_built_and_restored_with_the_lowest_versions(lowest_command, tmp_path):
    (tmp_path / "tiny.yaml").write_text(REQUEST)
    (tmp_path / "config.yaml").write_text("pipeline: {name: pyannote.audio.pipelines.SpeakerDiarization}\n")
    (tmp_path / "requirements.txt").write_text("nothing==1\n")
    store = (tmp_path / "store").as_uri()

    def cache(*arguments):
        return json.loads(run(lowest_command, "cache", *arguments, "--json", cwd=tmp_path).stdout)

    cache("resolve", "tiny.yaml")
    cache("build", "tiny.yaml", "--version", "1.0", "--requirements", "requirements.txt", "--out", "build")
    cache("keygen", "release")
    cache("publish", "build", "--store", store)
    cache("restore", "--store", store, "--into", "box")

    assert cache("verify", "box")["ok"] is True
    assert [version["version"] for version in cache("list", "--store", store)["versions"]] == ["1.0"]
    assert cache("sbom", "build")["bomFormat"] == "CycloneDX"


def test_the_extras_install_what_reads_a_bucket_and_the_hub(lowest_command):
    python = lowest_command.with_name("python")
    run(python, "-c", "import diarize_runner.store.s3.store, diarize_runner.cache.builder.hub")


def test_uvx_runs_the_command_from_a_clone():
    assert run(UV, "tool", "run", "--quiet", "--python", sys.executable, "--from", ROOT, "diarize-runner", "-V").stdout


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize(
    ("purposes", "extras"),
    [
        (["control"], ("s3", "build")),
        (["diarization"], ("s3", "diarization", "transcription")),
        (["diarization", "ray"], ("ray",)),
    ],
    ids=" and ".join,
)
def test_the_locked_versions_are_within_the_bounds(wheel, python, purposes, extras):
    locks = "".join((ROOT / f"requirements/py{python}/{purpose}.txt").read_text() for purpose in purposes)
    pins = dict(re.findall(r"^([a-z0-9.-]+)==([^ ]+)", locks, re.MULTILINE))
    pins.setdefault("pip", "24")  # every environment that is made has one
    for requirement in requirements_of(wheel, *extras):
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement
