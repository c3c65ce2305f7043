"""Child processes answer requests and die with their parent."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from diarize_runner.child import ChildDied, start_child

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
    """Whether the process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("child", [CHILD, LATE], ids=["parent alive", "parent dead"])
def test_a_child_dies_when_its_parent_is_killed(child):
    with subprocess.Popen([sys.executable, "-c", PARENT, child], stdout=subprocess.PIPE, text=True) as parent:
        child_pid = int(parent.stdout.readline())
        assert is_running(child_pid)
        parent.kill()
    deadline = time.monotonic() + 20
    while is_running(child_pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


ANSWERING_CHILD = """
import sys, time
from contextlib import suppress
from diarize_runner.child import connect_to_parent
channel = connect_to_parent(*map(int, sys.argv[1:]))
channel.send("here")
with suppress(EOFError):
    while True:
        asked = channel.recv()
        time.sleep(0.5 if asked == "slow" else 0)
        channel.send(ValueError(asked) if asked == "wrong" else [asked])
"""


def test_a_child_answers_raises_its_errors_in_the_parent_and_ends_with_the_block():
    with start_child(ANSWERING_CHILD) as child:
        assert child.receive_first_message() == "here"
        assert child.ask("one") == ["one"]
        with pytest.raises(ValueError, match="wrong"):
            child.ask("wrong")
        assert child.ask("two") == ["two"]
    assert child.process.returncode == 0


def test_watch_is_called_until_a_child_answers():
    looks = []
    with start_child(ANSWERING_CHILD) as child:
        child.receive_first_message()
        assert child.ask("slow", lambda: looks.append(child.process.poll())) == ["slow"]
    assert looks
    assert set(looks) == {None}


KILLED, EXITED = "import os; os.kill(os.getpid(), 9)", "raise SystemExit(3)"


@pytest.mark.parametrize(("end", "how"), [(KILLED, "was killed by signal 9"), (EXITED, "ended with exit code 3")])
def test_the_error_says_how_a_child_died(end, how):
    with start_child(end) as child, pytest.raises(ChildDied, match=how):
        child.receive_first_message()
    with start_child(end) as child:
        child.process.wait()
        with pytest.raises(ChildDied, match=how):
            child.ask("anything")
