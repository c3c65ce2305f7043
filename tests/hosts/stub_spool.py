#!/usr/bin/python3
"""Stands in for `diarize-runner spool` on hosts that have no PyTorch: the same spool, and a labeller of its own.

A recording here is a shell script. It runs where a model would, and labelling it gives what it says.
"""

import argparse
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from diarize_runner.errors import UnreadableAudio
from diarize_runner.spool.run import Spool, run


class Shell:
    """Runs recordings."""

    def label(self, recording, transcript):
        done = subprocess.run(["sh", recording], capture_output=True, check=False)
        if done.returncode:
            raise UnreadableAudio(done.stderr.decode().strip())
        return {".labelled.json": done.stdout}


parser = argparse.ArgumentParser()
parser.add_argument("command", choices=["spool"])
parser.add_argument("folder", type=Path)
parser.add_argument("--settle", type=float)
parser.add_argument("--cache")
parser.add_argument("--device")
arguments = parser.parse_args()
for outcome in run(Spool(folder=arguments.folder), Shell, settle=arguments.settle):
    sys.stdout.write(f"{outcome}\n")
