"""A batch on a real Slurm of two nodes, with deploy/slurm/batch.sbatch and the embedded models."""

import itertools
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.batch_recordings import names_in_shard, write_clips
from support.command import ROOT
from support.slurm import Slurm, require_slurm, slurm

pytestmark = [pytest.mark.scenario, pytest.mark.longest]

SCRIPT = ROOT / "deploy/slurm/batch.sbatch"
SHARDS = 4
FULL, MIXED, SMALL, EMPTY = range(SHARDS)
"""Shards: of several recordings, of one and of a file that is none, of one recording, of nothing."""
SEVERAL = 6


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A batch of the cluster: the same recordings, and results of its own."""

    cluster: Slurm
    recordings: Path
    cache: Path
    output: Path

    def submit(self, array, **variables):
        """Submit tasks of the array; return the id of the job."""
        environment = {"DIARIZE_RUNNER": str(self.cluster.folder / "diarize-runner"), "DIARIZE_RUNNER_DEVICE": "cpu"}
        return self.cluster.submit(
            SCRIPT,
            *(self.recordings, self.output),
            options=[f"--array={array}"],
            **{**environment, "DIARIZE_RUNNER_CACHE": str(self.cache), **variables},
        )

    def submit_full_shard(self):
        """Submit the shard of several recordings; return the job and its task as soon as it has written a result."""
        job = self.submit(FULL, SHARDS=str(SHARDS))
        self.cluster.wait_for(self.results)
        return job, self.cluster.tasks(job)[str(FULL)]

    def results(self):
        """Return the results by the names of their recordings, and which file each is."""
        found = self.output.glob("*/results/*.json")
        return {re.sub(r"\.[0-9a-f]{16}\.json$", "", path.name): path.stat() for path in found}

    def identities(self):
        """Return when each result was written, and to which file."""
        return {name: (status.st_ino, status.st_mtime_ns) for name, status in self.results().items()}

    def log(self, job, index):
        return (self.cluster.folder / f"diarize-batch-{job}-{index}.log").read_text()


@pytest.fixture(scope="module")
def cluster():
    require_slurm()
    with slurm() as cluster:
        program = cluster.folder / "diarize-runner"
        module = shlex.join(["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "diarize_runner"])
        program.write_text(f'#!/bin/sh\nexec {module} "$@"\n')
        program.chmod(0o755)
        yield cluster


@pytest.fixture(scope="module")
def in_shards():
    """Return the names of the recordings of each shard."""
    counts = {FULL: SEVERAL, MIXED: 1, SMALL: 1, EMPTY: 0}
    return {index: names_in_shard(index, SHARDS, count) for index, count in counts.items()}


@pytest.fixture(scope="module")
def recordings(in_shards, tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    write_clips(folder, itertools.chain.from_iterable(in_shards.values()))
    (broken,) = names_in_shard(MIXED, SHARDS, 1, stem="notes")
    (folder / broken).write_text("no audio")
    return folder


@pytest.fixture
def batch(cluster, recordings, embedded_box, tmp_path):
    return Batch(cluster=cluster, recordings=recordings, cache=embedded_box, output=tmp_path / "results")


def test_an_array_diarizes_each_recording_once_and_another_one_does_nothing(batch, in_shards):
    job = batch.submit(f"0-{SHARDS - 1}")
    tasks = batch.cluster.finish(job)

    states = {int(index): (task.state, task.exit_code, task.restarts) for index, task in tasks.items()}
    complete = ("COMPLETED", "0:0", 0)
    assert states == {FULL: complete, MIXED: ("FAILED", "4:0", 0), SMALL: complete, EMPTY: complete}, (
        batch.cluster.log()
    )
    assert {task.node for task in tasks.values()} == {"n1", "n2"}
    assert set(batch.results()) == {*itertools.chain.from_iterable(in_shards.values())}
    before = batch.identities()

    again = batch.submit(f"0-{SHARDS - 1}")
    tasks = batch.cluster.finish(again)

    assert {int(index): (task.state, task.exit_code, task.restarts) for index, task in tasks.items()} == states
    assert batch.identities() == before
    assert f"0 done, {SEVERAL} done before" in batch.log(again, FULL)


def kill_command(cluster, task):
    for process in cluster.processes(task):
        if "-m diarize_runner" in process.command:
            process.kill()


INTERRUPTIONS = {
    "kill -9 of the command": kill_command,
    "the death of the node": lambda cluster, task: cluster.kill_node(task.node),
    "a requeue": lambda cluster, task: cluster.requeue(task),
    "the time limit": lambda cluster, task: cluster.cancel(task, "--batch", "--signal=USR1"),
}


@pytest.mark.parametrize("interrupt", INTERRUPTIONS.values(), ids=list(INTERRUPTIONS))
def test_a_task_that_is_interrupted_starts_again_and_does_the_rest(interrupt, batch, in_shards):
    job, task = batch.submit_full_shard()
    interrupt(batch.cluster, task)
    before = batch.identities()
    assert 0 < len(before) < SEVERAL

    finished = batch.cluster.finish(job)[str(FULL)]

    assert (finished.state, finished.exit_code, finished.restarts) == ("COMPLETED", "0:0", 1), batch.cluster.log()
    assert set(batch.results()) == {*in_shards[FULL]}
    assert before.items() <= batch.identities().items()
    assert_did_the_rest(batch, job, len(before))
    batch.cluster.revive()


def test_an_array_whose_script_was_killed_is_submitted_again_and_does_the_rest(batch, in_shards):
    job, task = batch.submit_full_shard()
    (script,) = [each for each in batch.cluster.processes(task) if "slurm_script" in each.command]
    script.kill()
    assert batch.cluster.finish(job)[str(FULL)].state == "FAILED", "Slurm requeues no task whose script is killed"
    before = batch.identities()
    assert 0 < len(before) < SEVERAL

    again = batch.submit(FULL, SHARDS=str(SHARDS))

    assert batch.cluster.finish(again)[str(FULL)].state == "COMPLETED", batch.cluster.log()
    assert set(batch.results()) == {*in_shards[FULL]}
    assert before.items() <= batch.identities().items()
    assert_did_the_rest(batch, again, len(before))


def assert_did_the_rest(batch, job, before):
    """Assert that the last run did what the one before it had not; one more result may be done when it is killed."""
    done, done_before = map(int, re.findall(r"(\d+) done, (\d+) done before", batch.log(job, FULL))[-1])
    assert done + done_before == SEVERAL
    assert done_before >= before


def test_a_part_of_an_array_needs_the_number_of_shards(batch):
    job = batch.submit("1,2")
    tasks = batch.cluster.finish(job)

    assert {(task.state, task.exit_code) for task in tasks.values()} == {("FAILED", "2:0")}
    assert batch.log(job, 1).splitlines() == [
        "error: the job is not an array of 0 to N-1",
        "hint: for 64 shards, add --array=0-63 to sbatch; for some of them, also set SHARDS=64",
    ]
    assert batch.results() == {}
