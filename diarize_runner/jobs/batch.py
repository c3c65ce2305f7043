"""Run jobs one after the other; an error in one recording does not stop the next.

The outputs of each recording are written as soon as it is done.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from diarize_runner.errors import RECORDING_ERRORS, DiarizeRunnerError
from diarize_runner.jobs.job import Job, Result
from diarize_runner.jobs.outputs import Outputs
from diarize_runner.jobs.session import Session
from diarize_runner.progress import ConsoleProgress


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchItem:
    """A job, and the files to write for it."""

    job: Job
    outputs: Outputs


@dataclass(frozen=True, kw_only=True, slots=True)
class Succeeded:
    """The result of an item; its files are written."""

    item: BatchItem
    result: Result


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """The error of an item."""

    item: BatchItem
    error: DiarizeRunnerError


def run_batch(
    items: Iterable[BatchItem], open_session: Callable[[], Session], progress: ConsoleProgress
) -> Iterator[Succeeded | Failed]:
    """Yield the outcome of each item as soon as it is done.

    The session is opened after the first recording is decoded. Errors of `open_session`, and all errors but
    RECORDING_ERRORS, propagate.
    """
    session = cache(open_session)  # opens it on the first call
    for item in items:
        yield _run_item(item, session, progress)


def _run_item(item: BatchItem, session: Callable[[], Session], progress: ConsoleProgress) -> Succeeded | Failed:
    try:
        loaded = item.job.load()
    except RECORDING_ERRORS as error:
        return Failed(item=item, error=error)
    opened = session()
    try:
        result = opened.run(loaded, progress)
        item.outputs.write(result.labelled, result.provenance)
    except RECORDING_ERRORS as error:
        return Failed(item=item, error=error)
    return Succeeded(item=item, result=result)
