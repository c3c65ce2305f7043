"""Modules in the working folder, for example among recordings, are not run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from diarize_runner.benchmark import process

ROOT = Path(__file__).resolve().parents[2]
LABEL = ("label", "turns.rttm", "talk.srt", "-o", "out.json")
PLANTED = (
    "argparse",
    "json",
    "csv",
    "html",
    "statistics",
    "tempfile",
    "torch",
    "numpy",
    "yaml",
    "rich",
    "multiprocessing",
)


@pytest.fixture
def folder(tmp_path):
    """Files to label, and modules that create `ran` when imported."""
    for name in PLANTED:
        (tmp_path / f"{name}.py").write_text(f"open('ran', 'a').write('{name} ')\nraise ImportError\n")
    (tmp_path / "turns.rttm").write_text("SPEAKER talk 1 0 2 <NA> <NA> SPEAKER_00 <NA> <NA>\n")
    (tmp_path / "talk.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello.\n")
    return tmp_path


def run(folder, command, **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


WAYS = {
    "python -m": ([sys.executable, "-m", "diarize_runner"], {}),
    "the command": ([Path(sys.executable).with_name("diarize-runner")], {}),
    "the command, after an empty part of PYTHONPATH": (
        [Path(sys.executable).with_name("diarize-runner")],
        {"PYTHONPATH": "/nowhere:"},
    ),
    "the command, after a dot in PYTHONPATH": ([Path(sys.executable).with_name("diarize-runner")], {"PYTHONPATH": "."}),
}


@pytest.mark.parametrize(("command", "environment"), WAYS.values(), ids=list(WAYS))
def test_modules_in_the_working_folder_are_not_run(folder, command, environment):
    done = run(folder, [*command, *LABEL], **environment)

    assert done.returncode == 0, done.stderr
    assert not (folder / "ran").exists()
    assert "SPEAKER_00" in (folder / "out.json").read_text()


def test_the_command_works_in_a_deleted_folder(folder):
    script = 'mkdir gone; cd gone; rmdir ../gone; exec "$@"'
    command = [Path(sys.executable).with_name("diarize-runner"), "--version"]

    done = run(folder, ["sh", "-c", script, "sh", *command])

    assert done.stdout.startswith("diarize-runner "), done.stderr


def test_plain_python_runs_them(folder):
    """Control: the attack works without protection."""
    done = run(folder, [sys.executable, "-c", "import json"])

    assert done.returncode != 0
    assert (folder / "ran").read_text() == "json "


def test_modules_beside_this_package_are_run(tmp_path):
    """In a checkout, `python -m diarize_runner` runs its code."""
    done = run(ROOT, [sys.executable, "-m", "diarize_runner", "--version"])

    assert done.stdout.startswith("diarize-runner "), done.stderr


def test_a_benchmark_process_runs_no_module_of_the_working_folder(folder):
    """With an invalid descriptor it fails after its first imports."""
    done = run(folder, [sys.executable, "-c", process._MAIN, "99", str(os.getpid())])

    assert "handle is invalid" in done.stderr or "Bad file descriptor" in done.stderr, done.stderr
    assert not (folder / "ran").exists()
