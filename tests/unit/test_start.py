"""A folder of recordings is no place for code: what lies in it like a module is not run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from diarize_runner.benchmark import process

ROOT = Path(__file__).resolve().parents[2]
LABEL = ("label", "turns.rttm", "said.srt", "-o", "out.json")
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
    """Things to label, beside modules that leave `ran` behind."""
    for name in PLANTED:
        (tmp_path / f"{name}.py").write_text(f"open('ran', 'a').write('{name} ')\nraise ImportError\n")
    (tmp_path / "turns.rttm").write_text("SPEAKER talk 1 0 2 <NA> <NA> SPEAKER_00 <NA> <NA>\n")
    (tmp_path / "said.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello.\n")
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
def test_no_module_of_the_working_folder_is_run(folder, command, environment):
    done = run(folder, [*command, *LABEL], **environment)

    assert done.returncode == 0, done.stderr
    assert not (folder / "ran").exists()
    assert "SPEAKER_00" in (folder / "out.json").read_text()


def test_the_command_works_in_a_folder_that_was_removed(folder):
    script = 'mkdir gone; cd gone; rmdir ../gone; exec "$@"'
    command = [Path(sys.executable).with_name("diarize-runner"), "--version"]

    done = run(folder, ["sh", "-c", script, "sh", *command])

    assert done.stdout.startswith("diarize-runner "), done.stderr


def test_python_alone_would_run_one(folder):
    """The control: what the command is protected from."""
    done = run(folder, [sys.executable, "-c", "import json"])

    assert done.returncode != 0
    assert (folder / "ran").read_text() == "json "


def test_a_folder_that_holds_this_package_may_hold_code(tmp_path):
    """A checkout: `python -m diarize_runner` in it runs what lies there."""
    done = run(ROOT, [sys.executable, "-m", "diarize_runner", "--version"])

    assert done.stdout.startswith("diarize-runner "), done.stderr


def test_a_benchmarks_process_runs_no_module_of_the_working_folder(folder):
    """It is given a descriptor that nobody has, and fails, once it has imported all that it begins with."""
    done = run(folder, [sys.executable, "-c", process._MAIN, "99", str(os.getpid())])

    assert "handle is invalid" in done.stderr or "Bad file descriptor" in done.stderr, done.stderr
    assert not (folder / "ran").exists()
