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
SEVERAL = 10
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
"""A task has one core, and threads that spin while they wait make torch ten times as slow."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A batch of the cluster: the same recordings, and results of its own."""

    cluster: Slurm
    recordings: Path
    cache: Path
    output: Path

    def submit(self, array, **variables):
        """Submit tasks of the array; return the id of the job."""
        environment = {
            "DIARIZE_RUNNER": str(self.cluster.folder / "diarize-runner"),
            "DIARIZE_RUNNER_CACHE": str(self.cache),
            "DIARIZE_RUNNER_DEVICE": "cpu",
            **ONE_THREAD,
            **variables,
        }
        words = (self.recordings, self.output)
        return self.cluster.submit(SCRIPT, *words, options=[f"--array={array}"], **environment)

    def next_results(self, before):
        """Wait until there are more results than before; return all."""
        self.cluster.wait_for(lambda: len(self.results()) > len(before))
        return self.results()

    def results(self):
        """Return which file the result of each recording is, and when it was written."""
        found = {path.name: path.stat() for path in self.output.glob("*/results/*.json")}
        suffix = re.compile(r"\.[0-9a-f]{16}\.json$")
        return {suffix.sub("", name): (status.st_ino, status.st_mtime_ns) for name, status in found.items()}

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
    before = batch.results()

    again = batch.submit(f"0-{SHARDS - 1}")
    tasks = batch.cluster.finish(again)

    assert {int(index): (task.state, task.exit_code, task.restarts) for index, task in tasks.items()} == states
    assert batch.results() == before
    assert f"0 done, {SEVERAL} done before" in batch.log(again, FULL)


def kill_command(cluster, task):
    for process in cluster.processes(task):
        if "-m diarize_runner" in process.command:
            process.kill()


def kill_script(cluster, task):
    (script,) = [process for process in cluster.processes(task) if "slurm_script" in process.command]
    script.kill()


REQUEUED = {
    "kill -9 of the command": kill_command,
    "a requeue": lambda cluster, task: cluster.requeue(task),
    "the death of the node": lambda cluster, task: cluster.kill_node(task.node),
}


def test_a_task_that_is_interrupted_again_and_again_does_each_recording_once(batch, in_shards):
    cluster, job = batch.cluster, batch.submit(FULL, SHARDS=str(SHARDS))
    before = {}
    for restarts, interrupt in enumerate(REQUEUED.values()):
        task = cluster.restarted(job, str(FULL), restarts)
        before = batch.next_results(before)
        interrupt(cluster, task)
    cluster.restarted(job, str(FULL), len(REQUEUED))
    cluster.revive()

    before = batch.next_results(before)
    kill_script(cluster, cluster.tasks(job)[str(FULL)])
    killed = cluster.finish(job)[str(FULL)]
    assert (killed.state, killed.restarts) == ("FAILED", len(REQUEUED)), "Slurm requeues no task without its script"
    before = batch.results()
    assert len(before) < SEVERAL

    again = batch.submit(FULL, SHARDS=str(SHARDS))
    finished = cluster.finish(again)[str(FULL)]
    assert (finished.state, finished.exit_code, finished.restarts) == ("COMPLETED", "0:0", 0), cluster.log()
    assert set(batch.results()) == {*in_shards[FULL]}
    assert before.items() <= batch.results().items()
    assert f"{SEVERAL - len(before)} done, {len(before)} done before" in batch.log(again, FULL)


BEHAVIOUR = """#!/bin/sh
echo "$@"
case $SLURM_ARRAY_TASK_ID-${SLURM_RESTART_COUNT:-0} in
0-*) exit 4 ;;
1-*) exit 2 ;;
2-0) exit 1 ;;
3-*) exit 1 ;;
4-0) trap 'exit 130' TERM ;;
5-*) trap 'sleep 6; exit 4' TERM ;; # longer than srun itself waits for what it ends
*) exit 0 ;;
esac
touch "waits-$SLURM_ARRAY_TASK_ID"
sleep 100 &
wait
"""


def test_a_task_is_requeued_when_it_fails_or_its_time_ends_but_not_when_that_cannot_help(cluster, batch):
    """A stand-in for the command ends as each task says."""
    program = cluster.folder / "stand-in"
    program.write_text(BEHAVIOUR)
    program.chmod(0o755)
    job = batch.submit("0-5", DIARIZE_RUNNER=str(program), MAX_RESTARTS="1")

    for index in ("4", "5"):
        cluster.wait_for((cluster.folder / f"waits-{index}").exists)
        cluster.cancel(cluster.tasks(job)[index], "--batch", "--signal=USR1")

    tasks = cluster.finish(job)
    assert {int(index): (task.state, task.exit_code, task.restarts) for index, task in tasks.items()} == {
        0: ("FAILED", "4:0", 0),
        1: ("FAILED", "2:0", 0),
        2: ("COMPLETED", "0:0", 1),
        3: ("FAILED", "1:0", 1),
        4: ("COMPLETED", "0:0", 1),
        5: ("FAILED", "4:0", 0),
    }, cluster.log()
    assert f"batch run --shards 6 {batch.recordings} {batch.output}" in batch.log(job, 0).splitlines()


def test_a_part_of_an_array_needs_the_number_of_shards(batch):
    job = batch.submit("1,2")
    tasks = batch.cluster.finish(job)

    assert {(task.state, task.exit_code) for task in tasks.values()} == {("FAILED", "2:0")}
    assert batch.log(job, 1).splitlines() == [
        "error: the job is not an array of 0 to N-1",
        "hint: for 64 shards, add --array=0-63 to sbatch; for some of them, also set SHARDS=64",
    ]
    assert batch.results() == {}
