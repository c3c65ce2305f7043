"""Run work in forked processes and threads, or as a race."""

import os
import signal
import sys
import threading
import traceback
from multiprocessing import get_context


def start(work):
    """Run `work` in a forked process; return its id."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        work()
        status = 0
    except BaseException:  # noqa: BLE001  # nothing may propagate into the parent's code
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def finished(child):
    """Wait for a process; return whether it finished rather than being killed; assert that it did not fail."""
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGKILL), f"the process ended with {code}"
    return code == 0


def race_threads(works):
    """Run all `works` at once, each in a thread; return the name of the exception of each, or None."""
    barrier, outcomes = threading.Barrier(len(works)), [""] * len(works)

    def run(index, work):
        barrier.wait()
        outcomes[index] = _outcome(work)

    threads = [threading.Thread(target=run, args=numbered) for numbered in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def race_processes(works):
    """Run all `works` at once, each in a process; return the name of the exception of each, or None."""
    context = get_context("fork")
    barrier, outcomes = context.Barrier(len(works)), context.SimpleQueue()

    def run(work):
        barrier.wait()
        outcomes.put(_outcome(work))

    processes = [context.Process(target=run, args=(work,)) for work in works]
    for process in processes:
        process.start()
    found = [outcomes.get() for _ in works]
    for process in processes:
        process.join()
    return found


def _outcome(work):
    try:
        work()
    except Exception as reason:  # noqa: BLE001  # the test checks it
        return type(reason).__name__
    return None
