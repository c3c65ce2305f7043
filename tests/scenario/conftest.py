"""Boxes for all scenarios, each made once per test session: by `make demo`, as a new user would, and by commands."""

import os
import subprocess
import wave
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest
from support.command import succeed
from support.sites import running_site

from diarize_runner.cache.box.open import open_cache
from diarize_runner.diarization.audio import Recording
from diarize_runner.progress import NoProgress
from diarize_runner.transcription.options import TranscriptionOptions
from diarize_runner.transcription.transcriber import Transcriber

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements/requirements-diarization.txt"
SAMPLE = distribution("pyannote.audio").locate_file("pyannote/audio/sample/sample.wav")


@dataclass(frozen=True, kw_only=True)
class Demo:
    """The output and the folder of `make demo`."""

    folder: Path
    output: str

    @property
    def bin(self) -> Path:
        return self.folder / "box/opt/diarize-runner/current/bin"

    @property
    def cache(self) -> Path:
        return self.folder / "box/var/lib/diarize-runner/cache"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def run_again(self) -> str:
        return make_demo(self.folder)


def make_demo(folder: Path) -> str:
    environment = {**os.environ, "DEMO": str(folder), "NO_COLOR": "1"}
    done = subprocess.run(
        ["make", "demo"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Demo:
    folder = tmp_path_factory.mktemp("demo")
    return Demo(folder=folder, output=make_demo(folder))


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    with running_site(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture(scope="session")
def embedded_boxes(tmp_path_factory):
    """Return a function that builds and restores a request of this repository, once; it returns the box's folder."""

    @cache
    def restored(name):
        folder = tmp_path_factory.mktemp(name)
        built, store = folder / "built", (folder / "store").as_uri()
        request = ROOT / f"cache_manifests/{name}.yaml"
        succeed("cache", "build", request, "--version", "1.0", "--requirements", REQUIREMENTS, "--out", built)
        succeed("cache", "publish", built, "--store", store)
        succeed("cache", "restore", "--store", store, "--into", folder / "box")
        return folder / "box"

    return restored


@pytest.fixture(scope="session")
def embedded_box(embedded_boxes):
    """The folder of the embedded cache, with tiny.en."""
    return embedded_boxes("embedded")


@pytest.fixture(scope="session")
def embedded_cache(embedded_box):
    return open_cache(embedded_box, NoProgress())


@pytest.fixture(scope="session")
def phone_call():
    """30 s of two people on the phone."""
    with wave.open(str(SAMPLE)) as recording:
        samples = np.frombuffer(recording.readframes(recording.getnframes()), dtype="<i2").astype(np.float32) / 32768
    return Recording(uri="sample", waveform=samples)


@pytest.fixture(scope="module")
def transcriber(embedded_cache):
    """A transcriber with tiny.en, which loads it once for the tests of a module."""
    with Transcriber(embedded_cache, TranscriptionOptions(device="cpu")) as transcriber:
        yield transcriber
