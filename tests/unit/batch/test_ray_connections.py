"""How the driver connects to Ray: with the token, without telemetry, and without sending code."""

import os
import signal
from pathlib import Path

import pytest
from support.fake_cluster import plan_on
from support.fake_ray import FakeRay, RayError, node

from diarize_runner.batch.on_ray.cluster import connected
from diarize_runner.batch.on_ray.task import run_chunk
from diarize_runner.errors import DiarizeRunnerError, UsageError

NODES = [node("head", CPU=0.0), node("one", CPU=4.0, GPU=2.0), node("two", CPU=8.0), node("gone", alive=False, CPU=9.0)]


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    """Restore the environment, which connecting changes for good, and the handler of SIGTERM."""
    for name in [name for name in os.environ if name.startswith("RAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(os, "environ", os.environ)
    before, handler = dict(os.environ), signal.getsignal(signal.SIGTERM)
    yield
    os.environ.clear()
    os.environ.update(before)
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def ray(monkeypatch):
    return FakeRay(NODES).install(monkeypatch)


@pytest.mark.parametrize("address", ["ray://head:10001", "http://head:8265", "local"])
def test_an_address_that_would_start_a_cluster_or_a_client_is_refused(address, ray):
    with pytest.raises(UsageError, match="is not the address of a Ray cluster"), connected(address, plan_on()):
        pytest.fail("it connected")
    assert ray.connections == []


def test_it_requires_the_token_and_turns_telemetry_and_uploads_off(ray):
    with connected("head:6379", plan_on()):
        pass
    (connection,) = ray.connections
    assert connection.environment == {
        "RAY_AUTH_MODE": "token",
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    assert connection.settings == {"log_to_driver": False, "configure_logging": False}


def test_telemetry_is_off_even_where_the_environment_turns_it_on(ray, monkeypatch):
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    with connected("head:6379", plan_on()):
        pass
    assert ray.connections[0].environment["RAY_USAGE_STATS_ENABLED"] == "0"


def test_nodes_import_nothing_from_the_working_folder_of_the_driver(ray, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with connected("head:6379", plan_on()):
        assert Path.cwd() == tmp_path
    assert ray.connections[0].folder == Path("/")


def test_the_handler_of_sigterm_stays(ray):
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with connected("head:6379", plan_on()):
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler


@pytest.mark.parametrize("refusal", [ConnectionError("no route"), RayError("invalid token"), RuntimeError("version")])
def test_a_cluster_that_refuses_is_an_error_with_a_hint(refusal, monkeypatch, tmp_path):
    FakeRay(refusal=refusal).install(monkeypatch)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DiarizeRunnerError) as error, connected("head:6379", plan_on()):
        pytest.fail("it connected")
    assert error.value.message == f"no connection to the Ray cluster head:6379: {refusal}"
    assert "RAY_AUTH_TOKEN_PATH" in error.value.hint
    assert Path.cwd() == tmp_path


def test_it_disconnects_at_the_end(ray):
    with pytest.raises(KeyboardInterrupt), connected("head:6379", plan_on()):
        raise KeyboardInterrupt
    assert ray.is_shut_down


@pytest.mark.parametrize(("device", "slots"), [("auto", 2), ("cuda", 2), ("cpu", 12)])
def test_a_slot_is_a_gpu_or_a_cpu_of_a_node_that_lives(ray, device, slots):
    with connected("head:6379", plan_on(device)) as cluster:
        assert cluster.slots(()) == slots
        assert cluster.slots(["two"]) == slots - (8 if device == "cpu" else 0)


def test_auto_takes_cpus_where_no_node_has_a_gpu(monkeypatch):
    FakeRay([node("one", CPU=3.0)]).install(monkeypatch)
    with connected("head:6379", plan_on("auto")) as cluster:
        assert cluster.slots(()) == 3


def test_a_process_keeps_its_models_for_the_next_task_on_a_gpu_too(ray):
    with connected("head:6379", plan_on("cuda")):
        assert (ray.options["num_gpus"], ray.options["max_calls"]) == (1, 0)


def test_ray_runs_the_tasks_of_dead_nodes_again_without_limit(ray):
    with connected("head:6379", plan_on()):
        assert ray.options["max_retries"] == -1


def test_a_task_gets_the_plan_and_its_recordings_and_no_environment(ray):
    with connected("head:6379", plan := plan_on()) as cluster:
        cluster.submit(("a", "b"), ())
        cluster.submit(("c",), ("one", "two"))
    assert ray.submitted == [
        (run_chunk, {"label_selector": {}}, (plan, ("a", "b"))),
        (run_chunk, {"label_selector": {"ray.io/node-id": "!in(one,two)"}}, (plan, ("c",))),
    ]
    assert "runtime_env" not in ray.options


def test_the_results_of_all_tasks_that_have_finished_are_returned(ray):
    with connected("head:6379", plan_on()) as cluster:
        assert cluster.finished(["task 1", "task 2"], 1) == {}
        ray.results.update({"task 1": "one", "task 3": "three"})
        assert cluster.finished(["task 1", "task 2", "task 3"], 1) == {"task 1": "one", "task 3": "three"}


def test_a_task_that_a_node_cannot_import_is_an_error_with_a_hint(ray):
    ray.results["task 1"] = RayError("no module named diarize_runner")
    with connected("head:6379", plan_on()) as cluster, pytest.raises(DiarizeRunnerError) as error:
        cluster.finished(["task 1"], 1)
    assert error.value.message == "a task of the Ray cluster failed: no module named diarize_runner"
    assert error.value.hint.startswith("install the same release of diarize-runner and of Ray on every node")
