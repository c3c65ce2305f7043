"""Every recording runs, however the cluster changes; no slot waits, and little is read ahead."""

from collections import Counter
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fake_cluster import FakeCluster, recording

from diarize_runner.batch.on_ray.chunks import LARGEST, SHARE, Chunks
from diarize_runner.batch.on_ray.scheduling import TASKS_PER_SLOT, Scheduler
from diarize_runner.batch.outcomes import AlreadyDone
from diarize_runner.errors import DiarizeRunnerError


def keys(number):
    return [f"{index:03d}.wav" for index in range(number)]


def chunks_of(number):
    return Chunks(map(recording, keys(number)))


class Run:
    """A run over a fake cluster; the clock shows another second each time, so that slots are counted each time."""

    def __init__(self, cluster, number=40, pending=None):
        self.cluster, self.lines = cluster, []
        ticks = count()
        scheduler = Scheduler(cluster=cluster, print_line=self.lines.append, clock=lambda: float(next(ticks)))
        self.outcomes = scheduler.run(map(recording, keys(number)) if pending is None else pending)

    def all(self):
        return list(self.outcomes)


def times_reported(outcomes):
    return Counter(outcome.key for outcome in outcomes)


@given(number=st.integers(0, 300), slots=st.integers(0, 12))
def test_chunks_hold_every_recording_once_and_in_order(number, slots):
    chunks, taken = chunks_of(number), []
    while chunk := chunks.take(slots):
        taken += [each.key for each in chunk]
    assert taken == keys(number)


@given(number=st.integers(1, 300), slots=st.integers(1, 12))
def test_a_chunk_takes_at_most_a_quarter_of_what_is_left_for_each_slot(number, slots):
    chunks, left = chunks_of(number), number
    while chunk := chunks.take(slots):
        assert 1 <= len(chunk) <= max(1, min(LARGEST, left / slots / SHARE))
        left -= len(chunk)


def test_chunks_are_large_while_much_is_left_and_single_at_the_end():
    chunks = chunks_of(200)
    sizes = [len(chunks.take(2)) for _ in range(30)]
    assert (sizes[0], sizes[-1]) == (LARGEST, 1)
    assert sizes == sorted(sizes, reverse=True)


def test_what_is_put_back_comes_first():
    chunks = chunks_of(10)
    first = chunks.take(1)
    chunks.put_back(first)
    assert chunks.take(1) == first


def test_every_recording_is_reported_once():
    run = Run(FakeCluster({"a": 2, "b": 1}))
    assert times_reported(run.all()) == Counter(keys(40))
    assert set(run.cluster.begun.values()) == {1}


def test_no_recordings_are_no_work():
    assert Run(FakeCluster({"a": 1}), number=0).all() == []


def test_each_slot_has_one_task_that_runs_and_one_that_waits():
    cluster = FakeCluster({"a": 2, "b": 1})
    Run(cluster, number=200).all()
    assert cluster.most_submitted == 3 * TASKS_PER_SLOT


def test_what_a_dead_node_had_begun_runs_elsewhere():
    cluster = FakeCluster({"a": 1, "b": 1}, lambda wait: cluster.kill("a") if wait == 4 else None)
    outcomes = Run(cluster).all()
    assert times_reported(outcomes) == Counter(keys(40))
    assert set(cluster.begun.values()) == {1}
    assert [type(outcome) for outcome in outcomes].count(AlreadyDone) == 4, "the chunk began again from its start"


def test_a_node_that_joins_gets_work():
    cluster = FakeCluster({"a": 1}, lambda wait: cluster.nodes.update(b=3) if wait == 5 else None)
    run = Run(cluster, number=200)
    assert times_reported(run.all()) == Counter(keys(200))
    assert cluster.most_submitted == 4 * TASKS_PER_SLOT
    assert run.lines == [
        "the cluster diarizes 1 recording at a time",
        "the cluster diarizes 4 recordings at a time",
    ]


def test_nothing_more_is_submitted_while_a_smaller_cluster_has_enough():
    cluster = FakeCluster({"a": 4, "b": 1}, lambda wait: cluster.kill("a") if wait == 3 else None)
    run = Run(cluster, number=400)
    some = [next(run.outcomes) for _ in range(100)]
    cluster.most_submitted = 0
    rest = run.all()
    assert times_reported(some + rest) == Counter(keys(400))
    assert cluster.most_submitted <= TASKS_PER_SLOT


def test_slots_are_counted_once_in_a_second():
    cluster = FakeCluster({"a": 1})
    counted, slots = [], cluster.slots
    cluster.slots = lambda avoided: counted.append(avoided) or slots(avoided)
    list(Scheduler(cluster=cluster, print_line=print, clock=lambda: 5.0).run(map(recording, keys(40))))
    assert len(counted) == 1


def test_one_task_waits_in_a_cluster_without_nodes_so_that_an_autoscaler_starts_one():
    submitted = []

    def join(wait):
        submitted.append(cluster.most_submitted)
        if wait == 9:
            cluster.nodes["a"] = 1

    cluster = FakeCluster({}, join)
    run = Run(cluster)
    assert times_reported(run.all()) == Counter(keys(40))
    assert submitted[:10] == [1] * 10
    assert run.lines[0] == "no node of the cluster takes recordings: waiting for one"


def test_a_node_that_cannot_work_gets_no_more_and_loses_nothing():
    cluster = FakeCluster({"a": 1, "b": 1}, lambda wait: cluster.broken.add("a") if wait == 2 else None)
    run = Run(cluster)
    assert times_reported(run.all()) == Counter(keys(40))
    assert set(cluster.begun.values()) == {1}
    assert "host of a gets no more recordings: the disk is full" in run.lines
    assert run.lines[-1] == "the cluster diarizes 1 recording at a time"


def test_it_ends_when_no_node_can_work():
    cluster = FakeCluster({"a": 1, "b": 1})
    cluster.broken = {"a", "b"}
    with pytest.raises(DiarizeRunnerError) as refusal:
        Run(cluster).all()
    assert refusal.value.message in {f"no node can work: host of {node}: the disk is full" for node in "ab"}
    assert refusal.value.hint == "free some space"


def test_it_cancels_what_runs_when_it_is_closed():
    cluster = FakeCluster({"a": 1})
    run = Run(cluster)
    next(run.outcomes)
    run.outcomes.close()
    assert len(cluster.cancelled) > 0


def test_another_driver_does_what_one_that_was_killed_has_left():
    first = FakeCluster({"a": 2})
    run = Run(first)
    some = {next(run.outcomes).key for _ in range(20)}
    left = [key for key in keys(40) if key not in first.results]
    second = FakeCluster({"a": 2}, results=first.results)

    rest = times_reported(Run(second, pending=map(recording, left)).all())

    assert second.results == set(keys(40))
    assert some.isdisjoint(rest)
    assert set((first.begun + second.begun).values()) == {1}


def test_it_reads_ahead_a_bounded_part_of_a_hundred_thousand_recordings():
    taken = 0

    def listing():
        nonlocal taken
        for key in range(100_000):
            taken += 1
            yield recording(str(key))

    slots, furthest, reported = 5, 0, 0
    for _ in Run(FakeCluster({"a": slots}), pending=listing()).outcomes:
        reported += 1
        furthest = max(furthest, taken - reported)

    assert reported == 100_000
    assert furthest <= LARGEST * slots * (SHARE + TASKS_PER_SLOT)
