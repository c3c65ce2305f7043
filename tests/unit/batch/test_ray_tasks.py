"""What a node runs of a chunk."""

import os
import pickle
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import ClassVar

import pytest
from support.fake_cluster import plan_on, recording

from diarize_runner.batch import worker
from diarize_runner.batch.on_ray import task
from diarize_runner.batch.outcomes import Done, Failed
from diarize_runner.errors import DiskFull

PLAN = plan_on()


class FakeWorker:
    """Does every recording but those whose key begins with `full`; `opened` are the plans of all workers."""

    opened: ClassVar = []

    def __init__(self, plan, progress):
        progress.print_line("loading")
        self.opened.append(plan)

    def run(self, recordings):
        for each in recordings:
            if each.key.startswith("full"):
                raise DiskFull("/tmp is full", hint="free some space")
            yield Done(key=each.key, audio_seconds=2, processing_seconds=1)


@pytest.fixture(autouse=True)
def _worker(monkeypatch):
    monkeypatch.setattr(worker, "Worker", FakeWorker)
    monkeypatch.setattr(FakeWorker, "opened", [])
    monkeypatch.setattr(task, "_loaded", None)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    context = SimpleNamespace(get_node_id=lambda: "node 7")
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(get_runtime_context=lambda: context))


def run(*keys, plan=PLAN):
    return task.run_chunk(plan, tuple(map(recording, keys)))


def test_a_chunk_returns_the_outcome_of_each_recording():
    result = run("a", "b")
    assert [outcome.key for outcome in result.outcomes] == ["a", "b"]
    assert result.failure is None


def test_a_process_loads_its_models_once():
    run("a")
    run("b")
    assert FakeWorker.opened == [PLAN]


def test_another_plan_has_another_worker():
    run("a")
    run("b", plan=replace(PLAN, output="file:///elsewhere"))
    assert len(FakeWorker.opened) == 2


def test_a_node_that_cannot_go_on_returns_what_it_has_done():
    result = run("a", "full", "b")
    assert [outcome.key for outcome in result.outcomes] == ["a"]
    assert (result.failure.node, result.failure.message, result.failure.hint) == (
        "node 7",
        "/tmp is full",
        "free some space",
    )


def test_a_process_that_gets_another_gpu_ends(monkeypatch):
    class Ended(Exception):
        pass

    def end(status):
        raise Ended(status)

    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    run("a")
    run("b")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    with pytest.raises(Ended):
        run("c")


def test_what_travels_is_small_and_can_be_pickled():
    sent = pickle.dumps((PLAN, tuple(recording(f"folder/call-{number}.wav") for number in range(8))))
    assert len(sent) < 4_000
    for outcome in (run("a"), run("a", "full"), Failed(key="a", message="m", hint="h", will_be_tried_again=True)):
        assert pickle.loads(pickle.dumps(outcome)) == outcome


def test_ray_sends_the_name_of_the_function_and_not_its_code(monkeypatch):
    monkeypatch.undo()
    from ray import cloudpickle

    sent = cloudpickle.dumps(task.run_chunk)
    assert len(sent) < 100
    assert b"diarize_runner.batch.on_ray.task" in sent
    assert pickle.loads(sent) is task.run_chunk
