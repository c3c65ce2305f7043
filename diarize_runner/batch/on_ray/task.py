"""What a node runs.

Ray finds `run_chunk` by its name, so this module must not decorate it: a decorated function would be sent by value.
"""

import os
import socket
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diarize_runner.batch import worker as workers
from diarize_runner.batch.inputs import InputRecording
from diarize_runner.batch.on_ray.scheduling import ChunkResult, NodeFailure
from diarize_runner.batch.plan import BatchPlan
from diarize_runner.errors import DiarizeRunnerError
from diarize_runner.progress import OverallProgress

if TYPE_CHECKING:
    from diarize_runner.batch.outcomes import Outcome

_GPUS = "CUDA_VISIBLE_DEVICES"
"""Ray sets it for each task: https://docs.ray.io/en/latest/ray-core/scheduling/accelerators.html"""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Loaded:
    """The worker of this process, and what it was loaded for."""

    worker: workers.Worker
    plan: BatchPlan
    gpus: str | None


_loaded: _Loaded | None = None


def run_chunk(plan: BatchPlan, recordings: Sequence[InputRecording]) -> ChunkResult:
    """Run recordings, one after the other; say so if this node cannot run them."""
    outcomes: list[Outcome] = []
    try:
        outcomes.extend(_worker(plan).run(recordings))
    except DiarizeRunnerError as error:
        return ChunkResult(outcomes=tuple(outcomes), failure=_failure(error))
    return ChunkResult(outcomes=tuple(outcomes))


def _worker(plan: BatchPlan) -> workers.Worker:
    """Return the worker of this process; it keeps its models between tasks."""
    global _loaded  # noqa: PLW0603  # tasks of a process share nothing else
    gpus = os.environ.get(_GPUS)
    if _loaded is not None and _loaded.gpus != gpus:
        # CUDA stays on the GPU on which this process began. Ray runs the task again, in a process that has none yet.
        os._exit(0)
    if _loaded is None or _loaded.plan != plan:
        _loaded = _Loaded(worker=workers.Worker(plan, _LoggedProgress()), plan=plan, gpus=gpus)
    return _loaded.worker


class _LoggedProgress:
    """Writes lines to the log of the process, which Ray keeps on the node."""

    def advance(self, stage: str, *, completed: int, total: int, overall: OverallProgress | None = None) -> None:
        """Do nothing: the driver reports whole recordings."""

    def print_line(self, line: str) -> None:
        """Write it."""
        sys.stderr.write(f"{line}\n")

    def paused(self) -> AbstractContextManager[None]:
        """Do nothing: there is no display."""
        return nullcontext()


def _failure(error: DiarizeRunnerError) -> NodeFailure:
    import ray

    node = ray.get_runtime_context().get_node_id()
    return NodeFailure(node=node, host=socket.gethostname(), message=error.message, hint=error.hint)
