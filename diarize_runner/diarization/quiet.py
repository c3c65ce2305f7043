"""What libraries warn of and print while a pipeline is loaded and runs: nothing of it is for the user."""

import io
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout
from typing import Any

from diarize_runner.diarization.scope import in_scope
from diarize_runner.diarization.shared import Shared

_LIBRARIES = r"(pyannote|torchcodec|torch|lightning|pytorch_lightning|numpy|sklearn|scipy)\b"
_log = logging.getLogger(__name__)


class _Divided:
    """A stdout that keeps what the code in a scope prints, and lets all other threads print as they did."""

    def __init__(self, stdout: Any, printed: io.StringIO) -> None:
        self._stdout, self._printed = stdout, printed

    def write(self, text: str, /) -> Any:
        """Keep the text, or print it."""
        return self._printed.write(text) if in_scope() else self._stdout.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stdout, name)


@contextmanager
def _quiet() -> Iterator[None]:
    printed = io.StringIO()
    with warnings.catch_warnings(), _divided(printed):
        warnings.filterwarnings("ignore", module=_LIBRARIES)
        yield
    for line in printed.getvalue().splitlines():  # by now stdout is as it was: a handler may print to it
        _log.info("%s", line)


def _divided(printed: io.StringIO) -> AbstractContextManager[object]:
    return redirect_stdout(_Divided(sys.stdout, printed)) if sys.stdout else nullcontext()


quiet = Shared(_quiet)
"""Drop the warnings of libraries, and log what they print, as clustering does of too few speakers.

The warnings say nothing to a user: waveforms come decoded, so torchcodec, which is missing, is never asked.
"""
