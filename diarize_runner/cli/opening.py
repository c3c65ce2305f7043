"""Open the session that a command's options describe."""

import argparse
from collections.abc import Callable

from diarize_runner.jobs.session import Session, open_session
from diarize_runner.progress import ConsoleProgress


def session_opener(arguments: argparse.Namespace, progress: ConsoleProgress) -> Callable[[], Session]:
    """Return a function that verifies the cache and loads its pipeline; it raises as `open_session` does."""
    cache, device, engine = arguments.cache, arguments.device, arguments.engine
    return lambda: open_session(cache, device, engine, progress)
