"""The real command, in this process, on a cache small enough to build in a blink."""

import os
import wave
from pathlib import Path

import pytest
from support.children import decoding_once
from support.run_main import run_main
from support.tiny_request import REQUEST
from support.voices import ByPitch, write_speech

from diarize_runner.cli import main
from diarize_runner.diarization import engine


@pytest.fixture(scope="module", autouse=True)
def _decode_once():
    with decoding_once():
        yield


@pytest.fixture(autouse=True)
def _own_cache_home(tmp_path, monkeypatch):
    """Keep what commands remember of this machine out of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache-home"))


@pytest.fixture(autouse=True)
def _own_environment():
    """Put back what a command changes, which has a process of its own elsewhere, and stays offline in that."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def run(capsys):
    return lambda *arguments: run_main(capsys, main, *arguments)


@pytest.fixture
def request_file(tmp_path) -> Path:
    folder = tmp_path / "requests"
    folder.mkdir()
    (folder / "config.yaml").write_text("pipeline: {name: pyannote.audio.pipelines.SpeakerDiarization}\n")
    (folder / "tiny.yaml").write_text(REQUEST)
    (tmp_path / "requirements.txt").write_text("nothing==1\n")
    return folder / "tiny.yaml"


@pytest.fixture
def store(run, request_file, tmp_path) -> str:
    """A store with version 1.0 of the tiny cache."""
    url = (tmp_path / "store").as_uri()
    run("cache", "resolve", request_file)
    build = ["cache", "build", request_file, "--version", "1.0", "--requirements", tmp_path / "requirements.txt"]
    run(*build, "--out", tmp_path / "built")
    assert run("cache", "publish", tmp_path / "built", "--store", url).exit_code == 0
    return url


@pytest.fixture
def box(run, store, tmp_path) -> Path:
    """A box with that version restored."""
    folder = tmp_path / "box"
    assert run("cache", "restore", "--store", store, "--into", folder).exit_code == 0
    return folder


@pytest.fixture
def speech(tmp_path) -> Path:
    """A second of something that can be decoded."""
    path = tmp_path / "speech.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(b"\1\0" * 16_000)
    return path


@pytest.fixture
def diarizer(monkeypatch):
    """Let every load give the same diarizer, which knows people by the pitch of their tones."""
    made = ByPitch()
    monkeypatch.setattr(engine, "load", lambda *_: made)
    return made


@pytest.fixture
def say(tmp_path):
    """Return a function that writes a recording of people."""
    return lambda name, *said: write_speech(tmp_path / f"{name}.wav", *said)
