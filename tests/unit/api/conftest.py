"""A cache with a small pipeline, and sessions on it in this process, as in a notebook."""

import numpy as np
import pytest
from support import pipelines
from support.children import decoding_once
from support.small_pipelines import restored
from support.sounds import write_wav

import diarize_runner

SCRIPT = {"ada": [(0.0, 2.5)], "bo": [(2.5, 5.0)]}


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    with pipelines.one_thread():
        yield


@pytest.fixture(scope="module", autouse=True)
def _decode_once():
    with decoding_once():
        yield


@pytest.fixture(autouse=True)
def _isolated_cache_home(tmp_path, monkeypatch):
    """Keep the user's cache folder out of the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache-home"))


@pytest.fixture(scope="module", autouse=True)
def _few_blocks():
    with pipelines.campplus_of(pipelines.FEW_BLOCKS):
        yield


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    with pipelines.campplus_of(pipelines.FEW_BLOCKS):
        return restored(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def session(cache):
    with diarize_runner.open_session(cache, device="cpu") as session:
        yield session


@pytest.fixture(scope="session")
def samples():
    """5 s in which two voices take turns."""
    sound = pipelines.recording(SCRIPT, 5 * pipelines.RATE).numpy()
    return (np.round(sound * 32767) / 32768).astype(np.float32)


@pytest.fixture
def call(tmp_path, samples):
    path = tmp_path / "call.wav"
    write_wav(path, [samples * 32768 / 32767], pipelines.RATE)
    return path


@pytest.fixture
def transcript(tmp_path):
    path = tmp_path / "call.srt"
    path.write_text("1\n00:00:00,200 --> 00:00:02,000\nHello.\n\n2\n00:00:02,700 --> 00:00:04,500\nWho is it?\n")
    return path
