"""Kill bootstrap.sh and its child processes, before a given program starts or after a given time."""

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
    """Write wrappers of programs to `folder` that count their starts and kill the process group at KILLED_AT."""
    folder.mkdir()
    for name in _STEPS:
        real = shutil.which(name)
        count = 'echo >>"$STEPS"; [ "$(/usr/bin/wc -l <"$STEPS")" -lt "${KILLED_AT:-99999}" ] || kill -9 0'
        (folder / name).write_text(f'#!/bin/sh\n{count}\nexec {real} "$@"\n')
        (folder / name).chmod(0o755)
    return folder


NEVER = 99999
"""A step that no run reaches."""


def run_until(step, steps, home, *arguments):
    """Run the script and kill it before its `step`-th program; return whether it was killed."""
    counter = home / "steps"
    counter.unlink(missing_ok=True)
    path = f"{steps}:{os.environ['PATH']}"
    variables = environment(home, PATH=path, STEPS=str(counter), KILLED_AT=str(step))
    process = subprocess.Popen(
        command(*arguments), stdin=subprocess.PIPE, env=variables, stderr=subprocess.PIPE, start_new_session=True
    )
    stderr = process.communicate(SCRIPT, 60)[1]
    counter.unlink(missing_ok=True)
    if process.returncode not in (0, -signal.SIGKILL):
        raise AssertionError(f"exit code {process.returncode}, to be killed at {step}: {stderr.decode()}")
    return process.returncode != 0


def run_for(seconds, home, *arguments):
    """Run the script and kill it after `seconds`; return whether it was killed."""
    process = subprocess.Popen(
        command(*arguments),
        stdin=subprocess.PIPE,
        env=environment(home),
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        stderr = process.communicate(SCRIPT, seconds)[1]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    assert process.returncode == 0, stderr.decode()
    return False


def clear_leftovers(home):
    """Remove what killed runs left in the temporary folder; return the modes."""
    left = sorted(Path(home).glob("diarize-runner.*"))
    modes = [oct(path.stat().st_mode & 0o7777) for path in left]
    for path in left:
        shutil.rmtree(path)
    return modes
