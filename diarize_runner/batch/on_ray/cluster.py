"""A Ray cluster.

Tasks are plain tasks that Ray runs again without limit: docs/adr/0031-ray-tasks-for-batch.md says why.
"""

import os
import signal
import threading
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from diarize_runner.batch.inputs import InputRecording
from diarize_runner.batch.on_ray.scheduling import ChunkResult
from diarize_runner.batch.on_ray.task import run_chunk
from diarize_runner.batch.plan import BatchPlan
from diarize_runner.errors import DiarizeRunnerError, UsageError
from diarize_runner.unexpected import first_line

if TYPE_CHECKING:
    from types import ModuleType

_NODE_LABEL: Final = "ray.io/node-id"
_FORCED: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # under `uv run`, Ray would upload the working folder to every node
}
_AUTHENTICATION: Final = "RAY_AUTH_MODE"


class RayCluster:
    """The nodes of a cluster to which this process is connected."""

    def __init__(self, ray: "ModuleType", plan: BatchPlan) -> None:
        self._ray, self._plan = ray, plan
        self._resource = _resource(plan.device, ray.cluster_resources())
        amounts = {"num_cpus": 0, "num_gpus": 1} if self._resource == "GPU" else {"num_cpus": 1}
        # `max_calls`: by default, a process that has used a GPU ends after one task, and the models load again.
        # Events of tasks are for the dashboard, which is off.
        self._run_chunk = ray.remote(max_calls=0, max_retries=-1, enable_task_events=False, **amounts)(run_chunk)

    def slots(self, avoided: Collection[str]) -> int:
        """Return how many GPUs, or CPUs, the nodes have."""
        alive = (node for node in self._ray.nodes() if node["Alive"] and node["NodeID"] not in avoided)
        return sum(int(node["Resources"].get(self._resource, 0)) for node in alive)

    def submit(self, recordings: Sequence[InputRecording], avoided: Collection[str]) -> Hashable:
        """Start a task."""
        selector = {_NODE_LABEL: f"!in({','.join(avoided)})"} if avoided else {}
        task: Hashable = self._run_chunk.options(label_selector=selector).remote(self._plan, recordings)
        return task

    def finished(self, tasks: Collection[Hashable], seconds: float) -> Mapping[Hashable, ChunkResult]:
        """Return the results of the tasks that have finished; raise DiarizeRunnerError if one failed."""
        some, _ = self._ray.wait(list(tasks), num_returns=1, timeout=seconds)
        if not some:
            return {}
        ready, _ = self._ray.wait(list(tasks), num_returns=len(tasks), timeout=0)
        try:
            return {task: self._ray.get(task) for task in ready}
        except self._ray.exceptions.RayError as reason:
            raise _task_failed(reason) from reason

    def cancel(self, tasks: Collection[Hashable]) -> None:
        """Cancel tasks."""
        for task in tasks:
            self._ray.cancel(task)


@contextmanager
def connected(address: str, plan: BatchPlan) -> Iterator[RayCluster]:
    """Connect to the cluster whose head is at `address` for the block; this machine must be one of its nodes.

    Raises:
        UsageError: the address is none of a cluster.
        DiarizeRunnerError: the cluster cannot be reached, or refuses the token.
    """
    if "://" in address or address == "local":
        raise UsageError(f"{address} is not the address of a Ray cluster", hint="name the head's: HOST:6379, or auto")
    ray = _import_ray()
    try:
        _connect(ray, address)
    except (ConnectionError, ray.exceptions.RayError, RuntimeError, ValueError) as reason:
        raise DiarizeRunnerError(
            f"no connection to the Ray cluster {address}: {first_line(reason)}", hint=_HINT
        ) from reason
    try:
        yield RayCluster(ray, plan)
    finally:
        ray.shutdown()


_HINT: Final = (
    "run this on a node of the cluster, after `ray start`, with the file of the cluster's token in RAY_AUTH_TOKEN_PATH"
)


def _import_ray() -> "ModuleType":
    """Import ray, which reads these variables when it is imported. Raises ModuleNotFoundError."""
    os.environ.update(_FORCED)
    os.environ.setdefault(_AUTHENTICATION, "token")
    import ray

    module: ModuleType = ray
    return module


def _connect(ray: "ModuleType", address: str) -> None:
    """Connect, and keep this process's handler of SIGTERM, which Ray replaces."""
    handler = signal.getsignal(signal.SIGTERM)
    with _working_folder("/"):
        ray.init(address, log_to_driver=False, configure_logging=False)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


@contextmanager
def _working_folder(folder: str) -> Iterator[None]:
    """Work in a folder for the block: Ray has every node import modules from the driver's."""
    before = os.open(".", os.O_RDONLY)
    os.chdir(folder)
    try:
        yield
    finally:
        os.fchdir(before)
        os.close(before)


def _resource(device: str, resources: Mapping[str, Any]) -> str:
    """Return what a task takes one of."""
    if device == "auto":
        return "GPU" if resources.get("GPU") else "CPU"
    return "CPU" if device == "cpu" else "GPU"


def _task_failed(reason: Exception) -> DiarizeRunnerError:
    cause = getattr(reason, "cause", None) or reason
    hint = "install the same release of diarize-runner and of Ray on every node; then run this again"
    return DiarizeRunnerError(f"a task of the Ray cluster failed: {first_line(cause)}", hint=hint)
