"""Keep every slot of a cluster busy.

A slot runs one chunk at a time: a GPU, or a CPU where the batch uses none.
"""

import time
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from diarize_runner.batch.inputs import InputRecording
from diarize_runner.batch.on_ray.chunks import Chunks
from diarize_runner.batch.outcomes import Outcome
from diarize_runner.errors import DiarizeRunnerError

TASKS_PER_SLOT: Final = 2
"""One that runs, and one that waits at the node: a slot is never idle between two."""
_POLL_SECONDS: Final = 1.0
"""How long to wait for a result before counting the slots again: nodes join and leave."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeFailure:
    """Why a node can run no recording: for example, its cache is missing, or its disk is full."""

    node: str
    """Its id in the cluster."""
    host: str
    message: str
    hint: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ChunkResult:
    """What a node has done of a chunk."""

    outcomes: tuple[Outcome, ...]
    failure: NodeFailure | None = None
    """Set if it could not do the rest."""


class Cluster(Protocol):
    """A cluster that runs chunks, each at least once: a chunk of a node that dies runs again elsewhere."""

    def slots(self, avoided: Collection[str]) -> int:
        """Return how many chunks the nodes run at once, without those `avoided`."""

    def submit(self, recordings: Sequence[InputRecording], avoided: Collection[str]) -> Hashable:
        """Start a task that runs a chunk on any node but those `avoided`."""

    def finished(self, tasks: Collection[Hashable], seconds: float) -> Mapping[Hashable, ChunkResult]:
        """Wait until a task has finished, for at most `seconds`; return the results of all that have.

        Raises:
            DiarizeRunnerError: a task failed for a reason that concerns neither a recording nor a node.
        """

    def cancel(self, tasks: Collection[Hashable]) -> None:
        """Cancel tasks; it does not wait for them."""


class Scheduler:
    """Submits chunks while there are slots for them. A node that cannot work gets no further ones."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        print_line: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster, self._print_line, self._clock = cluster, print_line, clock
        self._running: dict[Hashable, tuple[InputRecording, ...]] = {}
        self._failures: dict[str, NodeFailure] = {}
        self._slots: int | None = None
        self._counted_at = 0.0

    def run(self, pending: Iterator[InputRecording]) -> Iterator[Outcome]:
        """Yield the outcome of every recording. When it ends early, it cancels what is submitted.

        Raises:
            DiarizeRunnerError: no node can work.
        """
        chunks = Chunks(pending)
        try:
            while self._submit(chunks):
                yield from self._collect(chunks)
        finally:
            self._cluster.cancel(tuple(self._running))

    def _submit(self, chunks: Chunks) -> bool:
        """Submit as many chunks as the slots take; return whether any runs.

        One is submitted where there is no slot, too: it makes an autoscaler start a node.
        """
        slots = self._count_slots()
        while len(self._running) < max(1, TASKS_PER_SLOT * slots) and (chunk := chunks.take(slots)):
            self._running[self._cluster.submit(chunk, tuple(self._failures))] = chunk
        return bool(self._running)

    def _collect(self, chunks: Chunks) -> Iterator[Outcome]:
        """Yield the outcomes of tasks that have finished; put back what failed nodes have left."""
        for task, result in self._cluster.finished(tuple(self._running), _POLL_SECONDS).items():
            recordings = self._running.pop(task)
            yield from result.outcomes
            if result.failure:
                self._avoid(result.failure)
                done = {outcome.key for outcome in result.outcomes}
                chunks.put_back(each for each in recordings if each.key not in done)

    def _avoid(self, failure: NodeFailure) -> None:
        if failure.node not in self._failures:
            self._print_line(f"{failure.host} gets no more recordings: {failure.message}")
            self._failures[failure.node] = failure
            self._slots = None

    def _count_slots(self) -> int:
        """Return the slots, counted at most once a poll. Raises DiarizeRunnerError when all nodes have failed."""
        now = self._clock()
        if self._slots is None or now - self._counted_at >= _POLL_SECONDS:
            before, self._slots, self._counted_at = self._slots, self._cluster.slots(tuple(self._failures)), now
            if self._slots != before:
                self._print_line(_describe(self._slots))
        if not self._slots and self._failures:
            failure = list(self._failures.values())[-1]
            raise DiarizeRunnerError(f"no node can work: {failure.host}: {failure.message}", hint=failure.hint)
        return self._slots


def _describe(slots: int) -> str:
    if not slots:
        return "no node of the cluster takes recordings: waiting for one"
    return f"the cluster diarizes {slots} recording{'s' if slots > 1 else ''} at a time"
