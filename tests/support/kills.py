"""Work that is killed, by SIGKILL: just before any of its changes of the disk, after one of them, or at any moment.

Each runs in a fork of a process that has loaded nothing else, because a fork of one with torch takes six times as
long. So what is to run must be picklable: a function of the package or of `support`, or a `partial` of one.
"""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from functools import cache

from support.processes import finished, start

_STEPS = {"os.chmod", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def killed_before_step(step, work):
    """Run `work` and kill it just before its `step`-th change of the disk; say whether it got there."""
    return _ask((_run_until, step, work))


def killed_after(seconds, work):
    """Run `work` and kill it `seconds` later; say whether it was still at work."""
    return _ask((_run_for, seconds, work))


def killed_when_there(path, work):
    """Run `work` and kill it as soon as there is something at `path`; say whether it was still at work."""
    return _ask((_run_till_there, path, work))


def _ask(request):
    nursery = _nursery()
    pickle.dump(request, nursery.stdin)
    nursery.stdin.flush()
    answer = pickle.load(nursery.stdout)
    assert isinstance(answer, bool), answer
    return answer


@cache
def _nursery():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", "from support.kills import serve; serve()"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)


def serve():
    """Answer requests until there are no more."""
    while True:
        try:
            run, when, work = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer = not finished(run(when, work))
        except AssertionError as failure:
            answer = str(failure)
        pickle.dump(answer, sys.stdout.buffer)
        sys.stdout.flush()


def _run_until(step, work):
    def doomed():
        _die_before(step)
        work()

    return start(doomed)


def _run_for(seconds, work):
    child = start(work)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return child


def _run_till_there(path, work):
    child = start(work)
    while not path.exists() and not os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    return child


def _die_before(step):
    left, lock = step, threading.Lock()

    def watch(event, arguments):
        nonlocal left
        if event in _STEPS or (event == "open" and arguments[2] & _WRITING):
            with lock:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
