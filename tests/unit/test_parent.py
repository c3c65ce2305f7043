"""A process that is not to outlive its parent."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

CHILD = """
import os, time
from diarize_runner.parent import die_with_parent
die_with_parent(os.getppid())
print(flush=True)
time.sleep(600)
"""
LATE = """
import os, time
from diarize_runner.parent import die_with_parent
parent = os.getppid()
print(flush=True)
while os.getppid() == parent:
    time.sleep(0.01)
die_with_parent(parent)
time.sleep(600)
"""
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(600)
"""


def is_running(pid):
    """Whether it is there, and not only waits for somebody to take note of its end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("child", [CHILD, LATE], ids=["asked before", "asked after"])
def test_a_process_is_gone_when_its_parent_was_killed(child):
    with subprocess.Popen([sys.executable, "-c", PARENT, child], stdout=subprocess.PIPE, text=True) as parent:
        started = int(parent.stdout.readline())
        assert is_running(started)
        parent.kill()
    deadline = time.monotonic() + 20
    while is_running(started):
        assert time.monotonic() < deadline
        time.sleep(0.02)
