"""Log lines for `-v` and `-vv`, and those of the service: on stderr, above the progress bars."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone

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


class _JsonFormatter(logging.Formatter):
    """Writes a record as one JSON object; a message that is one already stays as it is."""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if message.startswith("{"):
            return message
        moment = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        line = {"time": moment, "level": record.levelname, "logger": record.name, "message": message}
        return json.dumps(line)


@contextmanager
def log_json_to(progress: ConsoleProgress, name: str) -> Iterator[None]:
    """Print the records of a logger from INFO up in the block, as lines of JSON."""
    logger, handler = logging.getLogger(name), _ProgressHandler(progress)
    handler.setFormatter(_JsonFormatter())
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False  # `log_to` would print them again
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


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
