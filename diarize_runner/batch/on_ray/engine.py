"""Run a batch on a Ray cluster."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from diarize_runner.batch.inputs import InputRecording
from diarize_runner.batch.on_ray.cluster import connected
from diarize_runner.batch.on_ray.scheduling import Scheduler
from diarize_runner.batch.outcomes import Outcome
from diarize_runner.batch.plan import BatchPlan
from diarize_runner.progress import ConsoleProgress


@dataclass(frozen=True, kw_only=True, slots=True)
class RayEngine:
    """Runs recordings on the nodes of a cluster, as many at a time as these have GPUs, or CPUs."""

    address: str
    """HOST:PORT of the head; `auto` finds the cluster of this machine."""
    progress: ConsoleProgress

    def run(self, plan: BatchPlan, pending: Sequence[InputRecording]) -> Iterator[Outcome]:
        """Yield the outcome of each recording in the order of completion. Raises as `connected` and `Scheduler.run` do.

        Closing the iterator cancels what has not run.
        """
        with connected(self.address, plan) as cluster:
            yield from Scheduler(cluster=cluster, print_line=self.progress.print_line).run(iter(pending))
