"""What processes do that share a queue."""

import os
import signal

from sqlalchemy import event
from support.queues import claim, new_job, open_queue


def claim_all(url, box, ready, answers):
    """Claim and end jobs until none is left; answer with their ids."""
    queue = open_queue(url)
    claimed = []
    try:
        ready.wait(60)
        while (found := claim(queue, box=box)) is not None:
            claimed.append(found.job.id)
            queue.succeed(found, result=box, processing_seconds=1.0)
    finally:  # the test waits for an answer
        answers.put(claimed)


def add_until_killed(url, statements, answer):
    """Add jobs, and answer with the id of each that was accepted; die at a statement."""
    queue = open_queue(url)
    _die_at(queue.engine, statements)
    for n in range(100):
        queue.add(new_job(f"{n:03}"))
        answer(f"{n:03}")


def claim_until_killed(url, statements, answer):
    """Claim and end jobs, and answer with the id of each that ended; die at a statement."""
    queue = open_queue(url)
    _die_at(queue.engine, statements)
    while (found := claim(queue)) is not None:
        queue.renew(found, stage="embeddings", progress=0.5)
        queue.succeed(found, result="result-1", processing_seconds=1.0)
        answer(found.job.id)


def _die_at(engine, statements):
    """Send this process SIGKILL after a number of statements, within a transaction or between two."""
    left = iter(range(statements, -1, -1))

    @event.listens_for(engine, "after_cursor_execute")
    def count(*_):
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)
