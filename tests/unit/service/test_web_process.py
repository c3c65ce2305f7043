"""The web process never loads torch, understands the variables of other servers, and passes no token on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

import requests
from support.command import ROOT
from support.served import served
from support.service_process import children_of
from support.services import wav

TOKEN = "hf_" + "s" * 34
VARIABLES = {
    "DEVICE": "cpu",
    "BATCH_SIZE": "16",
    "API_WORKERS": "1",
    "MAX_CONCURRENT_JOBS": "5",
    "WHISPER_MODEL": "small",
    "HUGGINGFACE_TOKEN": TOKEN,
    "HF_TOKEN": TOKEN,
}
"""As a file for compose has them."""
IMPORT = """
import sys
import diarize_runner.service.server
from diarize_runner.service.web.app import described_app
described_app().openapi()
print([name for name in ("torch", "torchaudio", "pyannote", "ctranslate2") if name in sys.modules])
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that has transcribed, diarized and found speech."""
    with served(tmp_path_factory.mktemp("served"), **VARIABLES) as running:
        for path, fields in (
            ("/v1/diarize", {}),
            ("/v1/vad", {}),
            ("/v1/audio/transcriptions", {"model": "whisper-1"}),
        ):
            answer = requests.post(
                running.url + path, headers=running.headers, files={"file": ("a.wav", wav())}, data=fields, timeout=60
            )
            assert answer.status_code == 200, answer.text
        yield running


def libraries_of(pid):
    """Return the names of the files that a process has mapped."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return {Path(line.split(maxsplit=5)[5]).name for line in lines if "/" in line}


def environment_of(pid):
    entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return dict(entry.decode().split("=", 1) for entry in entries if entry)


def test_creating_the_application_imports_no_torch():
    done = subprocess.run(
        [sys.executable, "-c", IMPORT],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    assert done.stdout == "[]\n"


def test_a_process_that_has_served_requests_has_mapped_no_torch(server):
    libraries = libraries_of(server.process.pid)

    assert any(name.startswith("libc") for name in libraries)
    assert [name for name in libraries if name.startswith(("libtorch", "libc10", "libctranslate2"))] == []


def test_the_variables_of_other_servers_choose_the_device_and_the_model(server):
    listed = server.get("/v1/jobs")
    answer = requests.post(
        f"{server.url}/v1/jobs",
        headers=server.headers,
        files={"file": ("a.wav", wav())},
        data={"task": "transcribe", "language": "de"},
        timeout=60,
    )

    assert listed["jobs"] == []
    assert server.get("/health")["device"] == "cpu"
    assert answer.status_code == 202, "only the model `small` of the two knows German"


def test_no_child_of_the_server_gets_a_token(server):
    environments = [environment_of(child) for child in children_of(server.process.pid)]

    assert TOKEN in environment_of(server.process.pid).values()
    assert [each["DEVICE"] for each in environments if "DEVICE" in each] == ["cpu"], "that of the decoder is empty"
    for environment in environments:
        assert TOKEN not in environment.values()
        assert not {"HUGGINGFACE_TOKEN", "HF_TOKEN"} & environment.keys()
