"""Log lines for `-v` and `-vv`: on stderr, above the progress bars."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from diarize_runner.progress import ConsoleProgress

_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class _ProgressHandler(logging.Handler):
    """Prints records through the progress, which keeps them apart from its bars and escapes control characters."""

    def __init__(self, progress: ConsoleProgress) -> None:
        super().__init__()
        self._progress = progress
        self.setFormatter(logging.Formatter(_FORMAT))

    def emit(self, record: logging.LogRecord) -> None:
        self._progress.print_line(self.format(record))


@contextmanager
def log_to(progress: ConsoleProgress, verbosity: int) -> Iterator[None]:
    """Print this package's log records in the block: warnings, with verbosity 1 also INFO, with 2 also DEBUG.

    Other libraries' records are left out: botocore's DEBUG records hold signed requests.
    """
    logger, handler = logging.getLogger("diarize_runner"), _ProgressHandler(progress)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(_LEVELS[min(verbosity, len(_LEVELS) - 1)])
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
