"""Kill work with SIGKILL: before a given change of the disk, after a given time, or when a path exists.

Work runs in a fork of a helper process that has not imported torch, since forking with torch takes six times as long.
Therefore work must be picklable: a function of the package or of `support`, or a `partial` of one.
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
    """Run `work` and kill it before its `step`-th change of the disk; return whether it was killed."""
    return _request((_run_until, step, work))


def killed_after(seconds, work):
    """Run `work` and kill it after `seconds`; return whether it was killed."""
    return _request((_run_for, seconds, work))


def killed_when_exists(path, work):
    """Run `work` and kill it as soon as `path` exists; return whether it was killed."""
    return _request((_run_until_exists, path, work))


def _request(request):
    helper = _helper()
    pickle.dump(request, helper.stdin)
    helper.stdin.flush()
    response = pickle.load(helper.stdout)
    assert isinstance(response, bool), response
    return response


@cache
def _helper():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", "from support.kills import serve; serve()"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)


def serve():
    """Serve requests from stdin until it is closed."""
    while True:
        try:
            run, when, work = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            response = not finished(run(when, work))
        except AssertionError as failure:
            response = str(failure)
        pickle.dump(response, sys.stdout.buffer)
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


def _run_until_exists(path, work):
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
