"""Open the session that a command's options describe."""

import argparse

from diarize_runner.jobs.session import SessionOpener
from diarize_runner.progress import ConsoleProgress


def session_opener(arguments: argparse.Namespace, progress: ConsoleProgress) -> SessionOpener:
    """Return what opens the session."""
    return SessionOpener(folder=arguments.cache, device=arguments.device, engine=arguments.engine, progress=progress)
