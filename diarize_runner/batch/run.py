"""Do what is left of a batch: inputs minus results."""

import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from diarize_runner.batch.attempts import AttemptLog, Attempts
from diarize_runner.batch.inputs import InputRecording
from diarize_runner.batch.outcomes import Failed, Outcome
from diarize_runner.batch.plan import BatchPlan, open_output
from diarize_runner.batch.results import Results
from diarize_runner.batch.worker import Worker
from diarize_runner.parallel import Job, run_parallel
from diarize_runner.progress import ConsoleProgress, Progress

_READING: Final = "read failures"


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
    left = [each for each in own if each.name not in done]
    attempts = _attempts_at(left, AttemptLog(output, configuration), progress)
    given_up = {name: found for name, found in attempts.items() if not found.may_try_again(plan.attempts)}
    return WorkLeft(
        pending=[each for each in left if each.name not in given_up],
        done=len(own) - len(left),
        given_up=[_failed(each.key, given_up[each.name]) for each in left if each.name in given_up],
    )


def _attempts_at(left: Sequence[InputRecording], log: AttemptLog, progress: Progress) -> dict[str, Attempts]:
    """Return the attempts at each recording that was tried."""
    tried = set(log.names()).intersection(each.name for each in left)
    names = sorted(tried)
    found = run_parallel(_READING, [Job(work=partial(log.read, name), size=1) for name in names], progress)
    return {name: attempts for name, attempts in zip(names, found, strict=True) if attempts}


def _failed(key: str, attempts: Attempts) -> Failed:
    return Failed(key=key, message=attempts.problem, hint=attempts.hint, will_be_tried_again=False)


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Raise KeyboardInterrupt on SIGTERM, which schedulers send: the recording in progress is not charged for it."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
