"""Do what is left of a batch: inputs minus results."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from diarize_runner.batch.attempts import AttemptLog, Attempts
from diarize_runner.batch.inputs import InputRecording
from diarize_runner.batch.outcomes import Failed, Outcome
from diarize_runner.batch.plan import BatchPlan, open_output
from diarize_runner.batch.results import Results
from diarize_runner.batch.worker import Worker
from diarize_runner.progress import ConsoleProgress, Progress


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkLeft:
    """The recordings of a shard, divided."""

    pending: Sequence[InputRecording]
    done: int
    """Recordings that have a result."""
    given_up: Sequence[Failed]
    """Recordings that are not tried again."""


class Engine(Protocol):
    """Runs recordings, somewhere."""

    def run(self, plan: BatchPlan, pending: Sequence[InputRecording]) -> Iterator[Outcome]:
        """Yield the outcome of each recording, in any order, and each at least once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ThisMachine:
    """Runs one recording after the other in this process."""

    progress: ConsoleProgress
    open_worker: Callable[[BatchPlan, ConsoleProgress], Worker] = Worker

    def run(self, plan: BatchPlan, pending: Sequence[InputRecording]) -> Iterator[Outcome]:
        """Yield each outcome as soon as it is there. Raises as `Worker.run` does."""
        with closing(self.open_worker(plan, self.progress)) as worker:
            yield from worker.run(pending)


def find_work(plan: BatchPlan, recordings: Iterable[InputRecording], progress: Progress) -> WorkLeft:
    """Compare the recordings of a shard with the results. Raises StoreError, ManifestError."""
    output, configuration = open_output(plan), plan.configuration.name
    done = set(Results(output, configuration).names())
    own = [each for each in recordings if plan.shard.holds(each.key)]
    left = {name: each for each in own if (name := each.name) not in done}
    log = AttemptLog(output, configuration)
    attempts = log.read_each((name for name in log.names() if name in left), progress)
    given_up = {name: found for name, found in attempts.items() if not found.may_try_again(plan.attempts)}
    return WorkLeft(
        pending=[each for name, each in left.items() if name not in given_up],
        done=len(own) - len(left),
        given_up=[_failed(each.key, given_up[name]) for name, each in left.items() if name in given_up],
    )


def _failed(key: str, attempts: Attempts) -> Failed:
    return Failed(key=key, message=attempts.problem, hint=attempts.hint, will_be_tried_again=False)
