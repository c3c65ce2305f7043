"""A process that is asked, and is not to outlive its parent."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from diarize_runner.child import Died, started

CHILD = """
import os, time
from diarize_runner.child import die_with_parent
die_with_parent(os.getppid())
print(flush=True)
time.sleep(600)
"""
LATE = """
import os, time
from diarize_runner.child import die_with_parent
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


ANSWERS = """
import sys, time
from contextlib import suppress
from diarize_runner.child import channel_of
channel = channel_of(*map(int, sys.argv[1:]))
channel.send("here")
with suppress(EOFError):
    while True:
        asked = channel.recv()
        time.sleep(0.5 if asked == "slow" else 0)
        channel.send(ValueError(asked) if asked == "wrong" else [asked])
"""


def test_a_child_answers_and_what_is_wrong_there_is_raised_here_and_it_ends_with_the_block():
    with started(ANSWERS) as child:
        assert child.first_word() == "here"
        assert child.ask("one") == ["one"]
        with pytest.raises(ValueError, match="wrong"):
            child.ask("wrong")
        assert child.ask("two") == ["two"]
    assert child.process.returncode == 0


def test_a_child_is_watched_until_it_answers():
    looks = []
    with started(ANSWERS) as child:
        child.first_word()
        assert child.ask("slow", lambda: looks.append(child.process.poll())) == ["slow"]
    assert looks
    assert set(looks) == {None}


KILLED, EXITED = "import os; os.kill(os.getpid(), 9)", "raise SystemExit(3)"


@pytest.mark.parametrize(("end", "how"), [(KILLED, "was killed by signal 9"), (EXITED, "ended with exit code 3")])
def test_a_child_that_dies_says_how(end, how):
    with started(end) as child, pytest.raises(Died, match=how):
        child.first_word()
    with started(end) as child:
        child.process.wait()
        with pytest.raises(Died, match=how):
            child.ask("anything")
