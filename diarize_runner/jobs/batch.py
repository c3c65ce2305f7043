"""Many jobs, one after the other: what is wrong with one recording is no reason not to go on with the next.

What came of each is written as soon as it is done, and stays, whatever happens to those that follow.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from diarize_runner.errors import OF_ONE_RECORDING, DiarizeRunnerError
from diarize_runner.jobs.job import Job, Result
from diarize_runner.jobs.outputs import Outputs
from diarize_runner.jobs.session import Session
from diarize_runner.progress import Telling


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """A job, and the files that are to come of it."""

    job: Job
    outputs: Outputs


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """What came of an order, its files written."""

    order: Order
    result: Result


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """What is wrong with an order."""

    order: Order
    error: DiarizeRunnerError


def run_batch(
    orders: Iterable[Order], open_session: Callable[[], Session], progress: Telling
) -> Iterator[Done | Failed]:
    """Yield what came of each order, when it is there.

    The session is opened when the first recording is heard: what `open_session` raises comes through, as do all errors
    that are not OF_ONE_RECORDING.
    """
    session = cache(open_session)
    for order in orders:
        yield _outcome(order, session, progress)


def _outcome(order: Order, session: Callable[[], Session], progress: Telling) -> Done | Failed:
    try:
        heard = order.job.hear()
    except OF_ONE_RECORDING as error:
        return Failed(order=order, error=error)
    opened = session()
    try:
        result = opened.run(heard, progress)
        order.outputs.write(result.labelled, result.provenance)
    except OF_ONE_RECORDING as error:
        return Failed(order=order, error=error)
    return Done(order=order, result=result)
