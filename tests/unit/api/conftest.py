"""A cache with a small pipeline, and sessions on it in this process, which is somebody else's as a notebook is."""

import wave

import numpy as np
import pytest
import torch
from support import pipelines
from support.small_pipelines import restored

import diarize_runner

SCRIPT = {"ada": [(0.0, 2.5)], "bo": [(2.5, 5.0)]}


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Threads of these small networks spend their time waiting for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _own_cache_home(tmp_path, monkeypatch):
    """Keep what is remembered of this machine out of it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache-home"))


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return restored(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def session(cache):
    with diarize_runner.open_session(cache, device="cpu") as session:
        yield session


@pytest.fixture(scope="session")
def samples():
    """Five seconds in which two voices take turns."""
    sound = pipelines.recording(SCRIPT, 5 * pipelines.RATE).numpy()
    return (np.round(sound * 32767) / 32768).astype(np.float32)


@pytest.fixture
def call(tmp_path, samples):
    path = tmp_path / "call.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, pipelines.RATE, 0, "NONE", ""))
        file.writeframes((samples * 32768).astype("<i2").tobytes())
    return path


@pytest.fixture
def said(tmp_path):
    path = tmp_path / "call.srt"
    path.write_text("1\n00:00:00,200 --> 00:00:02,000\nHello.\n\n2\n00:00:02,700 --> 00:00:04,500\nWho is it?\n")
    return path
