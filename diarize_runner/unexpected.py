"""Exceptions that no adapter translates: their traceback for the log, and their error for the user."""

import logging
import traceback
from pathlib import Path

from diarize_runner.errors import UnexpectedError
from diarize_runner.redaction import redact

_HINT = "run it again with -v for the traceback, and report this bug of diarize-runner"
_LONGEST = 300
"""Characters of a foreign message: it may quote a whole document."""

_log = logging.getLogger(__name__)


def unexpected_error(reason: BaseException, subject: str = "") -> UnexpectedError:
    """Log the traceback of `reason`, and return its error, with the type, the place and the message.

    `subject` names what failed, such as a recording.
    """
    # One record a line: a record is printed as one line, so that file names cannot forge another.
    for line in redact("".join(traceback.format_exception(reason))).splitlines():
        _log.info("%s", line)
    what = f"{subject}: {_summarise(reason)}" if subject else _summarise(reason)
    return UnexpectedError(what, hint=_HINT)


def _summarise(reason: BaseException) -> str:
    frames = traceback.extract_tb(reason.__traceback__)
    place = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    message = first_line(reason)
    return f"{type(reason).__name__}{place}: {message}" if message else f"{type(reason).__name__}{place}"


def first_line(reason: BaseException | str) -> str:
    """Return the first line of a foreign exception or message, shortened, with secrets masked."""
    line = next(filter(None, map(str.strip, str(reason).splitlines())), "")
    return redact(line if len(line) <= _LONGEST else f"{line[:_LONGEST]}...")
