"""Print errors as `diarize-runner` does."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from diarize_runner.errors import DiarizeRunnerError


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Print an error and its hint, and exit with the error's status."""
    try:
        yield
    except DiarizeRunnerError as error:
        hint = f"hint: {error.hint}\n" if error.hint else ""
        sys.stderr.write(f"error: {error.message}\n{hint}")
        sys.exit(error.exit_code)
