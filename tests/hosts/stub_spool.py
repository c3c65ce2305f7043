#!/usr/bin/python3
"""A stub of `diarize-runner spool` for hosts without PyTorch: the real spool, with a stub labeller.

A recording is a shell script, which runs in place of a model. Its output is the label.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from diarize_runner.errors import UnreadableAudio
from diarize_runner.spool.idle import IdlePolicy
from diarize_runner.spool.run import Spool, run


class ShellLabeller:
    """Runs recordings as shell scripts."""

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
parser.add_argument("--speakers-per-channel")
parser.add_argument("--transcribe", action="store_true")
parser.add_argument("--language")
parser.add_argument("--model")
parser.add_argument("--voices", type=Path)
parser.add_argument("--voice-threshold")
arguments = parser.parse_args()
idle = IdlePolicy(seconds=float(os.environ.get("DIARIZE_RUNNER_SPOOL_IDLE_SECONDS", "0")))
for outcome in run(Spool(folder=arguments.folder), ShellLabeller, settle=arguments.settle, idle=idle):
    sys.stdout.write(f"{outcome}\n")
