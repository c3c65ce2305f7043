"""Processes share a queue, and are killed while they use it."""

import os
from itertools import chain
from multiprocessing import get_context

import pytest

pytest.importorskip("sqlalchemy")

from support.processes import finished, start
from support.queue_workers import add_until_killed, claim_all, claim_until_killed
from support.queues import FakeClock, claim, new_job, open_queue

SPAWN = get_context("spawn")


@pytest.fixture
def queue(database_url):
    queue = open_queue(database_url, FakeClock())
    yield queue
    queue.engine.dispose()


def run_until_killed(work, url, statements):
    """Run `work` in a process that kills itself; return what it answered before."""
    reading, writing = os.pipe()
    child = start(lambda: work(url, statements, lambda answer: os.write(writing, f"{answer}\n".encode())))
    os.close(writing)
    with os.fdopen(reading) as answers:
        found = answers.read().split()
    assert not finished(child)
    return found


def test_processes_claim_each_job_once(queue, database_url):
    names = [f"{n:03}" for n in range(60)]
    for name in names:
        queue.add(new_job(name))
    ready, answers = SPAWN.Barrier(3), SPAWN.SimpleQueue()
    # Spawned, not forked: they share no connection with this process, as services do.
    boxes = [SPAWN.Process(target=claim_all, args=(database_url, f"box-{n}", ready, answers)) for n in range(3)]
    for box in boxes:
        box.start()
    claimed = [answers.get() for _ in boxes]
    for box in boxes:
        box.join()
    assert [box.exitcode for box in boxes] == [0, 0, 0]
    assert sorted(chain(*claimed)) == names
    assert queue.counts()["succeeded"] == len(names)
    assert {queue.find(name).attempts for name in names} == {1}


@pytest.mark.parametrize("statements", [5, 6, 7])
def test_a_process_that_is_killed_while_it_adds_loses_no_accepted_job(queue, database_url, statements):
    accepted = run_until_killed(add_until_killed, database_url, statements)
    assert accepted
    stored = [job.id for job in queue.page("kai", cursor=None, limit=200).jobs]
    assert set(accepted) <= set(stored)
    assert len(stored) <= len(accepted) + 1
    queue.add(new_job("next"))
    assert {queue.find(name).state for name in accepted} == {"queued"}


@pytest.mark.parametrize("statements", range(11, 20))
def test_a_process_that_is_killed_while_it_works_loses_no_job(queue, database_url, statements):
    names = ["a", "b", "c", "d"]
    for name in names:
        queue.add(new_job(name))
    ended = run_until_killed(claim_until_killed, database_url, statements)
    assert ended
    queue.clock.now += queue.lease_seconds + 1
    redone = []
    while (found := claim(queue)) is not None:
        redone.append(found.job.id)
        queue.succeed(found, result="result-2", processing_seconds=1.0)
    assert queue.counts()["succeeded"] == len(names)
    assert not set(ended) & set(redone)
    assert {queue.find(name).result for name in ended} == {"result-1"}
