"""Tell the errors of one recording from those that concern every recording."""

from collections.abc import Iterator
from contextlib import contextmanager

from diarize_runner.disk import is_full
from diarize_runner.errors import SHARED_ERRORS, DiarizeRunnerError, DiskFull
from diarize_runner.unexpected import unexpected_error


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
