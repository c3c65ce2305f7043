"""Run jobs one after the other; an error in one recording does not stop the next.

The outputs of each recording are written as soon as it is done.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from diarize_runner.errors import RECORDING_ERRORS, DiarizeRunnerError
from diarize_runner.jobs.job import Job, LoadedJob, Result
from diarize_runner.jobs.outputs import Outputs
from diarize_runner.jobs.session import Session
from diarize_runner.progress import ConsoleProgress

_DECODING = "decode"


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
    items: Iterable[BatchItem], open_session: Callable[[LoadedJob], Session], progress: ConsoleProgress
) -> Iterator[Succeeded | Failed]:
    """Yield the outcome of each item as soon as it is done.

    The session is opened after the first recording is decoded, which `open_session` announces. Errors of
    `open_session`, and all errors but RECORDING_ERRORS, propagate.
    """
    session = _SharedSession(open_session)
    for item in items:
        yield _run_item(item, session, progress)


class _SharedSession:
    """Opened for the first recording."""

    def __init__(self, open_session: Callable[[LoadedJob], Session]) -> None:
        self._open = open_session
        self._session: Session | None = None

    def prepare(self, loaded: LoadedJob, progress: ConsoleProgress) -> Session:
        """Announce the recording; return the session."""
        if self._session is None:
            self._session = self._open(loaded)
        else:
            self._session.announce(loaded, progress)
        return self._session


def _run_item(item: BatchItem, session: _SharedSession, progress: ConsoleProgress) -> Succeeded | Failed:
    try:
        progress.advance(_DECODING, completed=0, total=1)
        loaded = item.job.load()
        progress.advance(_DECODING, completed=1, total=1)
    except RECORDING_ERRORS as error:
        return Failed(item=item, error=error)
    opened = session.prepare(loaded, progress)
    try:
        result = opened.run(loaded, progress)
        item.outputs.write(result.labelled, result.provenance)
    except RECORDING_ERRORS as error:
        return Failed(item=item, error=error)
    return Succeeded(item=item, result=result)
