"""Run jobs one after the other; an error in one recording does not stop the next.

The outputs of each recording are written as soon as it is done.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from diarize_runner.disk import is_full
from diarize_runner.errors import SHARED_ERRORS, DiarizeRunnerError, DiskFull
from diarize_runner.jobs.job import Job, LoadedJob, Result
from diarize_runner.jobs.outputs import Outputs
from diarize_runner.jobs.session import Session
from diarize_runner.progress import ConsoleProgress
from diarize_runner.unexpected import unexpected_error

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
    `open_session`, SHARED_ERRORS and a missing package propagate.
    """
    session = _SharedSession(open_session)
    for item in items:
        yield _run_item(item, session, progress)


class RecordingFailed(Exception):
    """A recording failed; the next one may succeed."""

    def __init__(self, error: DiarizeRunnerError) -> None:
        super().__init__(error.message)
        self.error = error


@contextmanager
def recording_errors(name: str) -> Iterator[None]:
    """Raise any error of the recording `name` as RecordingFailed; errors that concern every recording propagate.

    Which exceptions a decoder, a model or a transcript's values can raise is not known in advance, so this catches
    all: a list of types ended a batch with the first one that it lacked.
    """
    try:
        yield
    except (*SHARED_ERRORS, ModuleNotFoundError):
        raise
    except DiarizeRunnerError as error:
        raise RecordingFailed(error) from error
    except Exception as reason:
        if isinstance(reason, OSError) and is_full(reason):
            raise DiskFull(f"{name}: {reason.strerror}", hint="free some space, then run again") from reason
        raise RecordingFailed(unexpected_error(reason, name)) from reason


class _SharedSession:
    """Opened for the first recording."""

    def __init__(self, open_session: Callable[[LoadedJob], Session]) -> None:
        self._open = open_session
        self._session: Session | None = None

    def prepare(self, loaded: LoadedJob, progress: ConsoleProgress) -> Session:
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
