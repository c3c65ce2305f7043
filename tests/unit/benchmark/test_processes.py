"""Failures of a worker process. The scenario tests cover its success."""

import subprocess
import sys

import pytest

from diarize_runner.benchmark import process
from diarize_runner.benchmark.process import start_worker
from diarize_runner.benchmark.worker import LoadRequest
from diarize_runner.errors import ManifestError, PipelineError


@pytest.fixture
def missing_cache(tmp_path):
    return LoadRequest(cache=tmp_path / "nowhere", device="cpu", engine="exact")


def test_a_workers_error_is_raised_in_the_parent_with_its_hint(missing_cache):
    with pytest.raises(ManifestError, match="holds no restored cache") as raised, start_worker(missing_cache):
        pass
    assert raised.value.hint.startswith("run: diarize-runner cache restore")


@pytest.mark.parametrize(
    ("main", "cause"),
    [
        ("import os; os.kill(os.getpid(), 9)", "was killed by signal 9"),
        ("import sys; sys.exit(3)", "ended with exit code 3"),
    ],
)
def test_the_error_tells_how_a_worker_died(monkeypatch, missing_cache, main, cause):
    monkeypatch.setattr(process, "_MAIN", main)
    with pytest.raises(PipelineError, match=f"^the worker process {cause}$"), start_worker(missing_cache):
        pass


def test_a_worker_imports_no_module_from_the_working_folder(tmp_path):
    planted = tmp_path / "diarize_runner"
    planted.mkdir()
    (planted / "__init__.py").write_text("open('planted', 'w').close()")
    command = [sys.executable, "-c", process._MAIN, "no descriptor"]

    completed = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, check=False)

    assert "no descriptor" in completed.stderr, "the real worker ran"
    assert not (tmp_path / "planted").exists()
