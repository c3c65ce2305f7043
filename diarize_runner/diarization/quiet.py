"""What libraries warn of and print while a pipeline is loaded and runs: nothing of it is for the user."""

import io
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

from diarize_runner.diarization.scope import in_scope
from diarize_runner.diarization.shared import Shared

_LIBRARIES = r"(pyannote|torchcodec|torch|lightning|pytorch_lightning|numpy|sklearn|scipy)\b"
_log = logging.getLogger(__name__)


class _Divided(io.TextIOBase):
    """A stdout that logs what the code in a scope prints, and lets all other threads print as they did."""

    def __init__(self, stdout: Any) -> None:
        self._stdout = stdout

    def write(self, text: str, /) -> int:
        """Log the lines of the text, or print it."""
        if not in_scope():
            return int(self._stdout.write(text))
        for line in text.splitlines():
            if line.strip():
                _log.info("%s", line)
        return len(text)

    def flush(self) -> None:
        """Flush what others printed."""
        self._stdout.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stdout, name)


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings(), redirect_stdout(_Divided(sys.stdout)):
        warnings.filterwarnings("ignore", module=_LIBRARIES)
        yield


quiet = Shared(_quiet)
"""Drop the warnings of libraries, and log what they print, as clustering does of too few speakers.

The warnings say nothing to a user: waveforms come decoded, so torchcodec, which is missing, is never asked.
"""
