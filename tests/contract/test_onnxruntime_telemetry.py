"""onnxruntime, which faster-whisper detects speech with, sends telemetry to Microsoft unless a variable forbids it."""

import os
import subprocess
import sys

import pytest

from diarize_runner.cache.box.runtime import runtime_environment

DETECT_SPEECH = """
import sys
sys.modules["torch"] = None
import numpy
from faster_whisper.vad import get_speech_timestamps
print(get_speech_timestamps(numpy.zeros(16000, "float32")))
"""


@pytest.fixture
def files_of(tmp_path):
    """Return a function that detects speech with some variables, and returns the files left in the home folder."""

    def files_of(**variables):
        environment = {"PATH": os.environ["PATH"]}  # it sends nothing where a variable such as CI is set
        home = tmp_path / "home"
        home.mkdir()
        subprocess.run(
            [sys.executable, "-c", DETECT_SPEECH], env={**environment, **variables, "HOME": str(home)}, check=True
        )
        return sorted(path.name for path in home.rglob("*") if path.is_file())

    return files_of


def test_it_gives_this_machine_an_identifier_by_default(files_of):
    """If this fails, onnxruntime has changed, and the variable may do nothing any more."""
    assert "deviceid" in files_of()


def test_the_environment_of_a_restored_cache_turns_it_off(files_of, tmp_path):
    assert files_of(**runtime_environment(tmp_path / "huggingface")) == []
