"""The commands of deploy/kubernetes/batch and deploy/aws-batch, as their schedulers run them, with the real models."""

import pytest
from support.batch_deployments import aws_command, kubernetes_command
from support.batch_recordings import names_in_shard, write_clips
from support.command import run

from diarize_runner.cli import build_parser

pytestmark = pytest.mark.scenario

SCHEDULERS = {
    "Kubernetes": (kubernetes_command, "JOB_COMPLETION_INDEX"),
    "AWS Batch": (aws_command, "AWS_BATCH_JOB_ARRAY_INDEX"),
}


@pytest.fixture(params=SCHEDULERS.values(), ids=list(SCHEDULERS))
def shard_run(request, embedded_box, tmp_path):
    """Return a function that runs the command of a scheduler as its task of an index, on a folder of one recording."""
    command, variable = request.param
    words = command()
    arguments = build_parser(words).parse_args(words)
    folders = {arguments.input: str(tmp_path / "in"), arguments.output: str(tmp_path / "out")}

    def run_shard(index):
        environment = {"DIARIZE_RUNNER_CACHE": str(embedded_box), "DIARIZE_RUNNER_DEVICE": "cpu", variable: str(index)}
        return run(*(folders.get(word, word) for word in words), **environment)

    (tmp_path / "in").mkdir()
    return run_shard, arguments.shards, tmp_path


def results(folder):
    return [path.name.partition(".wav")[0] for path in folder.glob("out/*/results/*.json")]


def test_the_task_of_an_index_does_its_shard_and_no_other(shard_run):
    run_shard, shards, folder = shard_run
    own = 7
    (name,), (broken,) = (names_in_shard(own, shards, 1, stem=stem) for stem in ("call", "notes"))
    write_clips(folder / "in", [name])
    (folder / "in" / broken).write_text("no audio")

    other = run_shard(own + 1)
    assert (other.returncode, results(folder)) == (0, []), other.stderr

    done = run_shard(own)  # 4: what is left is not audio
    assert (done.returncode, results(folder)) == (4, [name.removesuffix(".wav")]), done.stderr

    beyond = run_shard(shards)
    assert beyond.returncode == 2
    assert f"shard {shards} is not one of {shards} shards" in beyond.stderr
