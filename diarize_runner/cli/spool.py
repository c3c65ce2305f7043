"""`diarize-runner spool`: label what is dropped into a folder."""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

from diarize_runner.cli.opening import session_opener
from diarize_runner.cli.options import (
    Commands,
    add_cache_option,
    add_command,
    add_device_option,
    add_engine_option,
    seconds,
)
from diarize_runner.cli.output import Result
from diarize_runner.diarization.guard import process_offline
from diarize_runner.errors import UsageError
from diarize_runner.progress import Telling
from diarize_runner.spool.labeller import SessionLabeller
from diarize_runner.spool.run import SETTLE_SECONDS, Outcome, Spool
from diarize_runner.spool.run import run as run_spool
from diarize_runner.transcript.formats.fields import one_line


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "spool", run, "label what is dropped into FOLDER/inbox, until that is empty")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="gets inbox/, outbox/, failed/ and claimed/")
    described = f"a file counts as copied when unchanged for so long (default: {SETTLE_SECONDS:g})"
    parser.add_argument("--settle", type=seconds, default=SETTLE_SECONDS, metavar="SECONDS", help=described)
    add_device_option(parser)
    add_engine_option(parser)
    add_cache_option(parser)


def run(arguments: argparse.Namespace, progress: Telling) -> Result:
    """Load when the first recording is ready, and label one after the other, telling what came of each."""
    if not arguments.folder.is_dir():
        raise UsageError(f"{arguments.folder} is not a folder", hint="make it first; what goes into it is made for you")
    open_session = session_opener(arguments, progress)
    outcomes = run_spool(
        Spool(folder=arguments.folder),
        lambda: SessionLabeller(session=open_session(), progress=progress),
        settle=arguments.settle,
    )
    with process_offline():
        documents = list(_told(outcomes, progress))
    failed = sum("error" in document for document in documents)
    text = f"{len(documents) - failed} labelled, {failed} failed"
    return Result(document={"recordings": documents}, text=text)


def _told(outcomes: Iterator[Outcome], progress: Telling) -> Iterator[dict[str, str]]:
    """Tell people of each outcome when it is there, and yield what programs are told."""
    for outcome in outcomes:
        document = _document(outcome)
        progress.tell(one_line(": ".join(document.values())))
        yield document


def _document(outcome: Outcome) -> dict[str, str]:
    document = {"place": str(outcome.place)}
    if outcome.error:
        document["error"] = outcome.error.message
    # Names can be bytes that are no text, which neither a terminal nor JSON takes.
    return {key: os.fsencode(value).decode(errors="replace") for key, value in document.items()}
