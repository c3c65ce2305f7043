"""A cache with models, an interpreter that has none of whisperX, and aligners that use it."""

import pytest
from support import fake_aligner
from support.alignment import ALIGNERS, verified_with

from diarize_runner.alignment.aligner import Aligner
from diarize_runner.alignment.environment import VARIABLE


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return verified_with(tmp_path_factory.mktemp("alignment"), ALIGNERS)


@pytest.fixture
def behave(monkeypatch):
    """Make the fake aligner do what a name says."""
    return lambda how: monkeypatch.setenv(fake_aligner.VARIABLE, how)


@pytest.fixture
def log(monkeypatch, tmp_path):
    """Return the process id, the language and the temporary folder of each request so far."""
    path = tmp_path / "requests"
    path.touch()
    monkeypatch.setenv(fake_aligner.LOG, str(path))
    return lambda: [line.split() for line in path.read_text().splitlines()]


@pytest.fixture
def python(tmp_path, monkeypatch):
    """An interpreter with the right whisperX, which the environment variable names."""
    path = fake_aligner.write_interpreter(tmp_path / "python")
    monkeypatch.setenv(VARIABLE, str(path))
    return path


@pytest.fixture
def open_aligner(cache, python):
    """Open aligners, and close them after the test."""
    opened = []

    def open_one(**settings):
        opened.append(Aligner(cache, python, **settings))
        return opened[-1]

    yield open_one
    for aligner in opened:
        aligner.close()
