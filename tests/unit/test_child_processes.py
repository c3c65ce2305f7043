"""Every started process gets an explicit environment without secrets."""

import ast
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from diarize_runner.benchmark.gpu import query_gpu

ROOT = Path(__file__).parents[2]
STARTS = {f"subprocess.{name}" for name in ("run", "Popen", "call", "check_call", "check_output")}
BY_OS = re.compile(
    r"\bos\.(system|popen|spawn\w*|posix_spawn\w*|fork\w*)\(|\bmultiprocessing\.(Process|Pool)\b|ProcessPool"
)
SECRETS = {"HF_TOKEN": "canary-hub", "AWS_SECRET_ACCESS_KEY": "canary-aws", "SOME_PASSWORD": "canary-word"}


def sources():
    return [
        *(ROOT / "diarize_runner").rglob("*.py"),
        *(ROOT / "roles").glob("*/files/*.py"),
        *(ROOT / "scripts").glob("*.py"),
    ]


def starts(path):
    """Return the calls of a module that start a process."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return [call for call in calls if ast.unparse(call.func) in STARTS]


def test_every_started_process_gets_an_explicit_environment():
    found = [(path, call) for path in sources() for call in starts(path)]

    here = [
        "pip",
        "rewriting",
        "decoding",
        "a program of the build host that makes an image",
        "such a program's version",
        "a child that is asked",
        "a child with a model",
        "whisperX's version",
        "nvidia-smi",
        "a controller fetches the inputs of a toolkit",
    ]
    on_boxes = [
        "uv",
        "the images of a version are listed",
        "units are named",
        "units are named when they are removed",
        "systemctl",
        "a trial mount",
        "sync",
        "nvidia-smi and dpkg",
        "a key is added",
        "a key is revoked",
        "what systemd says of a unit of the spool",
        "the user and the units of the spool are set up",
    ]
    assert len(found) == len(here + on_boxes)
    for path, call in found:
        assert "env" in {keyword.arg for keyword in call.keywords}, f"{path}:{call.lineno}"


def test_processes_are_started_only_with_known_functions():
    found = [path.name for path in sources() if BY_OS.search(path.read_text())]

    assert found == ["byte_code.py"], "its process has an explicit environment, which its forks share"


@pytest.fixture
def secrets(monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def shown(tmp_path, monkeypatch):
    """Put an `nvidia-smi` first on PATH that writes its environment to a file; return the file."""
    program, written = tmp_path / "nvidia-smi", tmp_path / "environment"
    program.write_text(f"#!/bin/sh\nenv >{written}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return written


def loaded(path):
    """Load a file of a role as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.usefixtures("secrets")
def test_nvidia_smi_gets_no_secret_from_a_benchmark_or_the_role(shown):
    for ask in (lambda: query_gpu("0"), loaded(ROOT / "roles/gpu_driver/files/probe.py").run_nvidia_smi):
        shown.unlink(missing_ok=True)
        ask()
        assert "PATH=" in shown.read_text()
        assert "canary" not in shown.read_text()


@pytest.mark.usefixtures("secrets")
def test_environment_creation_gets_no_secret_and_store_reads_get_only_bucket_secrets(monkeypatch, capfd):
    monkeypatch.setenv("UV_INDEX_TEAM_PASSWORD", "for-the-index")
    module = loaded(ROOT / "roles/python_env/files/make_environment.py")

    module.run("env")
    installing = capfd.readouterr().err
    module.run("env", environment=module.store_variables())
    fetching = capfd.readouterr().err

    assert "canary" not in installing
    assert "UV_INDEX_TEAM_PASSWORD=for-the-index" in installing
    assert [value for value in SECRETS.values() if value in fetching] == ["canary-aws"]


def test_make_passes_no_hub_token(tmp_path):
    (tmp_path / "show.mk").write_text("show:\n\t@env\n")
    variables = {**os.environ, "HF_TOKEN": "canary", "HUGGING_FACE_HUB_TOKEN": "canary", "CONTROL": "kept"}

    done = subprocess.run(
        ["make", "-f", "Makefile", "-f", tmp_path / "show.mk", "show"],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "canary" not in done.stdout
    assert "CONTROL=kept" in done.stdout
