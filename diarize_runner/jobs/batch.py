"""Run jobs one after the other; an error in one recording does not stop the next.

The outputs of each recording are written as soon as it is done.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from diarize_runner.errors import DiarizeRunnerError
from diarize_runner.jobs.job import Job, LoadedJob, Result
from diarize_runner.jobs.outputs import Outputs
from diarize_runner.progress import ConsoleProgress
from diarize_runner.recording_errors import RecordingFailed, recording_errors

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


class BatchSession(Protocol):
    """Loaded models, for one recording after the other."""

    def announce(self, loaded: LoadedJob, progress: ConsoleProgress) -> None:
        """Print what is about to run."""

    def run(self, loaded: LoadedJob, progress: ConsoleProgress) -> Result:
        """Return the result; raise what concerns this recording, or one of SHARED_ERRORS."""


def run_batch(
    items: Iterable[BatchItem], open_session: Callable[[LoadedJob], BatchSession], progress: ConsoleProgress
) -> Iterator[Succeeded | Failed]:
    """Yield the outcome of each item as soon as it is done.

    The session is opened after the first recording is decoded, which `open_session` announces. Errors of
    `open_session`, SHARED_ERRORS and a missing package propagate.
    """
    session = _SharedSession(open_session)
    for item in items:
        yield _run_item(item, session, progress)


class _SharedSession:
    """Opened for the first recording."""

    def __init__(self, open_session: Callable[[LoadedJob], BatchSession]) -> None:
        self._open = open_session
        self._session: BatchSession | None = None

    def prepare(self, loaded: LoadedJob, progress: ConsoleProgress) -> BatchSession:
        """Announce the recording; return the session. Raises RecordingFailed, and what opening it raises."""
        if self._session is None:
            self._session = self._open(loaded)
        else:
            with recording_errors(loaded.job.audio.name):
                self._session.announce(loaded, progress)
        return self._session


def _run_item(item: BatchItem, session: _SharedSession, progress: ConsoleProgress) -> Succeeded | Failed:
    name = item.job.audio.name
    try:
        with recording_errors(name):
            progress.advance(_DECODING, completed=0, total=1)
            loaded = item.job.load()
            progress.advance(_DECODING, completed=1, total=1)
        opened = session.prepare(loaded, progress)
        with recording_errors(name):
            result = opened.run(loaded, progress)
            item.outputs.write(result.labelled, result.provenance)
    except RecordingFailed as failed:
        return Failed(item=item, error=failed.error)
    return Succeeded(item=item, result=result)
