"""The command freezes its objects once, and keeps matplotlib's list of fonts."""

import json
import os
import subprocess
import sys

import pytest
from support import pipelines
from support.small_pipelines import restored
from support.sounds import write_wav

COMMAND = """
import gc, json, sys
freeze, freezes = gc.freeze, []

def counting_freeze():
    freezes.append(gc.isenabled())
    freeze()

gc.freeze = counting_freeze
from diarize_runner.cli import main
code = main(sys.argv[1:])
print(json.dumps([code, freezes, gc.isenabled(), gc.get_freeze_count() > 100_000]), file=sys.stderr)
"""


@pytest.fixture
def diarize(tmp_path):
    """Run the command, which reports on the collector."""
    cache, call = restored(tmp_path), tmp_path / "call.wav"
    sound = pipelines.recording({"ada": [(0.0, 1.5)], "bo": [(1.5, 3.0)]}, 3 * pipelines.RATE).numpy()
    write_wav(call, [sound], pipelines.RATE)
    words = ("diarize", call, "--cache", cache, "--device", "cpu", "--quiet")
    environment = {name: value for name, value in os.environ.items() if name != "MPLCONFIGDIR"}

    def run():
        return subprocess.run(
            [sys.executable, "-c", COMMAND, *map(str, words)],
            env={**environment, "XDG_CACHE_HOME": str(tmp_path / "home")},
            capture_output=True,
            text=True,
            check=True,
        )

    return run


@pytest.mark.long
def test_the_command_freezes_once_while_the_collector_is_paused(diarize, tmp_path):
    done = diarize()
    assert json.loads(done.stderr.splitlines()[-1]) == [0, [False], True, True], done.stderr
    assert len(list((tmp_path / "home/diarize-runner").glob("fontlist-v*.json"))) == 1
