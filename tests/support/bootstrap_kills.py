"""Runs of bootstrap.sh that are killed, with all they have started, just before one of the programs they run."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from support.bootstrap import SCRIPT, command, environment

_STEPS = [
    *("awk", "cat", "cp", "curl", "cut", "flock", "grep", "mkdir", "mktemp", "mv", "prlimit", "python3", "rm", "rmdir"),
    *("sed", "sha256sum", "sort", "stat", "tar", "wc"),
]


def write_steps(folder):
    """Put in `folder` programs that count themselves, and kill all of a run when it has come far enough."""
    folder.mkdir()
    for name in _STEPS:
        real = shutil.which(name)
        count = 'echo >>"$STEPS"; [ "$(/usr/bin/wc -l <"$STEPS")" -lt "${KILLED_AT:-99999}" ] || kill -9 0'
        (folder / name).write_text(f'#!/bin/sh\n{count}\nexec {real} "$@"\n')
        (folder / name).chmod(0o755)
    return folder


NEVER = 99999
"""A step that no run comes to."""


def run_until(step, steps, home, *arguments):
    """Run the script, and kill it before its `step`-th program; say whether it got there."""
    counted = home / "steps"
    counted.unlink(missing_ok=True)
    path = f"{steps}:{os.environ['PATH']}"
    told = environment(home, PATH=path, STEPS=str(counted), KILLED_AT=str(step))
    running = subprocess.Popen(
        command(*arguments), stdin=subprocess.PIPE, env=told, stderr=subprocess.PIPE, start_new_session=True
    )
    said = running.communicate(SCRIPT, 60)[1]
    counted.unlink(missing_ok=True)
    if running.returncode not in (0, -signal.SIGKILL):
        raise AssertionError(f"killed at {step}, it said: {said.decode()}")
    return running.returncode != 0


def run_for(seconds, home, *arguments):
    """Run the script, and kill it `seconds` later; say whether it was still at work."""
    running = subprocess.Popen(
        command(*arguments),
        stdin=subprocess.PIPE,
        env=environment(home),
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        said = running.communicate(SCRIPT, seconds)[1]
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
        return True
    assert running.returncode == 0, said.decode()
    return False


def take_leftovers(home):
    """Remove what killed runs left in the temporary folder; return what it was: nothing that others can read."""
    left = sorted(Path(home).glob("diarize-runner.*"))
    modes = [oct(path.stat().st_mode & 0o7777) for path in left]
    for path in left:
        shutil.rmtree(path)
    return modes
