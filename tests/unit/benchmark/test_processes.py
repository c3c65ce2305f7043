"""A process that measures, when something goes wrong in it. That it works is seen in the scenario tests."""

import subprocess
import sys

import pytest

from diarize_runner.benchmark import process
from diarize_runner.benchmark.process import started
from diarize_runner.benchmark.worker import Assignment
from diarize_runner.errors import ManifestError, PipelineError


@pytest.fixture
def nowhere(tmp_path):
    return Assignment(cache=tmp_path / "nowhere", device="cpu", engine="exact")


def test_what_is_wrong_there_is_raised_here_with_its_hint(nowhere):
    with pytest.raises(ManifestError, match="holds no restored cache") as raised, started(nowhere):
        pass
    assert raised.value.hint.startswith("restore a cache first")


@pytest.mark.parametrize(
    ("main", "how"),
    [
        ("import os; os.kill(os.getpid(), 9)", "was killed by signal 9"),
        ("import sys; sys.exit(3)", "ended with exit code 3"),
    ],
)
def test_a_process_that_dies_is_said_to_have(monkeypatch, nowhere, main, how):
    monkeypatch.setattr(process, "_MAIN", main)
    with pytest.raises(PipelineError, match=how), started(nowhere):
        pass


def test_no_module_of_the_working_folder_is_imported_by_a_python_without_a_safe_path(tmp_path):
    planted = tmp_path / "diarize_runner"
    planted.mkdir()
    (planted / "__init__.py").write_text("open('planted', 'w').close()")
    command = [sys.executable, "-c", process._MAIN, "no descriptor"]

    done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, check=False)

    assert "no descriptor" in done.stderr, "it came to our own worker"
    assert not (tmp_path / "planted").exists()
