"""Keep library warnings and output away from the user while a pipeline loads and runs."""

import io
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout
from typing import Any

from diarize_runner.diarization.scope import in_scope
from diarize_runner.diarization.shared_context import SharedContext

_LIBRARIES = r"(pyannote|torchcodec|torch|lightning|pytorch_lightning|numpy|sklearn|scipy)\b"
_log = logging.getLogger(__name__)


class _ScopedStdout:
    """A stdout that captures output of code in a scope and passes on that of other threads."""

    def __init__(self, stdout: Any, captured: io.StringIO) -> None:
        self._stdout, self._captured = stdout, captured

    def write(self, text: str, /) -> Any:
        """Capture or print the text."""
        return self._captured.write(text) if in_scope() else self._stdout.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stdout, name)


@contextmanager
def _suppress() -> Iterator[None]:
    captured = io.StringIO()
    with warnings.catch_warnings(), _redirect_stdout(captured):
        warnings.filterwarnings("ignore", module=_LIBRARIES)
        yield
    for line in captured.getvalue().splitlines():  # stdout is restored: a log handler may print to it
        _log.info("%s", line)


def _redirect_stdout(captured: io.StringIO) -> AbstractContextManager[object]:
    return redirect_stdout(_ScopedStdout(sys.stdout, captured)) if sys.stdout else nullcontext()


suppress_library_output = SharedContext(_suppress)
"""Drop library warnings and log library output, such as a message about too few speakers.

The warnings are irrelevant: waveforms are already decoded, so the missing torchcodec is not needed.
"""
