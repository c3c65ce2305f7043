"""The session that a command's options ask for."""

import argparse
from collections.abc import Callable

from diarize_runner.jobs.session import Session, open_session
from diarize_runner.progress import Telling


def session_opener(arguments: argparse.Namespace, progress: Telling) -> Callable[[], Session]:
    """Return what verifies the cache and loads its pipeline; it raises as `open_session` does."""
    cache, device, engine = arguments.cache, arguments.device, arguments.engine
    return lambda: open_session(cache, device, engine, progress)
