"""A cache with two models, and a transcriber without any."""

import pytest
from support import fake_transcriber
from support.transcription import FAKE, verified

from diarize_runner.transcription.options import TranscriptionOptions
from diarize_runner.transcription.transcriber import Transcriber


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return verified(tmp_path_factory.mktemp("transcription"))


@pytest.fixture
def behave(monkeypatch):
    """Make the fake transcriber do what a name says."""
    return lambda how: monkeypatch.setenv(fake_transcriber.VARIABLE, how)


@pytest.fixture
def log(monkeypatch, tmp_path):
    """Return the process id and the batch size of each request so far."""
    path = tmp_path / "requests"
    path.touch()
    monkeypatch.setenv(fake_transcriber.LOG, str(path))
    return lambda: [tuple(map(int, line.split())) for line in path.read_text().splitlines()]


@pytest.fixture
def open_transcriber(cache):
    """Open transcribers, and close them after the test."""
    opened = []

    def open_one(**options):
        settings = {name: options.pop(name) for name in ("deadline",) if name in options}
        opened.append(Transcriber(cache, TranscriptionOptions(**options), child=FAKE, **settings))
        return opened[-1]

    yield open_one
    for transcriber in opened:
        transcriber.close()
