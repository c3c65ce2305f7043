"""`diarize-runner spool`: label the recordings in a folder."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.cache.box.folder import BoxFolder
from diarize_runner.cli.channels import add_channels_option, per_channel_task
from diarize_runner.cli.opening import session_opener
from diarize_runner.cli.options import (
    add_cache_option,
    add_device_option,
    add_engine_option,
    seconds,
)
from diarize_runner.cli.output import Result
from diarize_runner.cli.signals import sigterm_interrupts
from diarize_runner.cli.transcription_options import add_transcribe_option, requested_transcription
from diarize_runner.cli.voices_options import add_naming_by_voice_options, requested_current_voices
from diarize_runner.diarization.channels import EACH
from diarize_runner.diarization.guard import process_offline
from diarize_runner.errors import UsageError
from diarize_runner.jobs.job import DiarizationTask
from diarize_runner.jobs.session import SessionOpener
from diarize_runner.jobs.transcribing import TranscribingOpener
from diarize_runner.progress import ConsoleProgress
from diarize_runner.spool.idle import NO_WAIT, IdlePolicy, LinkTargets
from diarize_runner.spool.labeller import SessionLabeller
from diarize_runner.spool.run import SETTLE_SECONDS, Outcome, Spool
from diarize_runner.spool.run import run as run_spool
from diarize_runner.transcript.formats.fields import one_line

if TYPE_CHECKING:
    from diarize_runner.jobs.naming import DiarizingSession

_IDLE_VARIABLE = "DIARIZE_RUNNER_SPOOL_IDLE_SECONDS"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `spool`."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="holds inbox/, outbox/, failed/ and claimed/")
    described = f"take a file once it is unchanged for SECONDS (default: {SETTLE_SECONDS:g})"
    parser.add_argument("--settle", type=seconds, default=SETTLE_SECONDS, metavar="SECONDS", help=described)
    described = f"wait for the next recording, with the models loaded, for SECONDS (default: ${_IDLE_VARIABLE}, else 0)"
    idle = os.environ.get(_IDLE_VARIABLE) or "0"
    parser.add_argument("--idle-seconds", type=seconds, default=idle, metavar="SECONDS", help=described)
    add_transcribe_option(parser, "transcribe recordings without a transcript")
    add_channels_option(parser)
    add_naming_by_voice_options(parser)
    add_device_option(parser)
    add_engine_option(parser)
    add_cache_option(parser)


def run(arguments: argparse.Namespace, progress: ConsoleProgress) -> Result:
    """Load the models when the first recording is ready; label one after the other; wait for more, if requested."""
    if not arguments.folder.is_dir():
        raise UsageError(
            f"{arguments.folder} is not a folder", hint="create it with mkdir; its subfolders are created for you"
        )
    idle = _idle_policy(arguments)
    with sigterm_interrupts(), ExitStack() as stack, process_offline():
        load = _labeller(arguments, progress, stack)
        outcomes = run_spool(Spool(folder=arguments.folder), load, settle=arguments.settle, idle=idle)
        documents = list(_printed(outcomes, progress))
    if idle.installed.have_moved():
        progress.print_line("the models or the release have changed: the next run loads the new ones")
    failed = sum("error" in document for document in documents)
    text = f"{len(documents) - failed} labelled, {failed} failed"
    return Result(document={"recordings": documents}, text=text)


def _idle_policy(arguments: argparse.Namespace) -> IdlePolicy:
    """Return what the options request: a run that waits ends when other models or another release become current."""
    if not arguments.idle_seconds:
        return NO_WAIT
    installed = LinkTargets.read(BoxFolder(root=arguments.cache).current, Path(sys.argv[0]))
    return IdlePolicy(seconds=arguments.idle_seconds, installed=installed)


def _labeller(
    arguments: argparse.Namespace, progress: ConsoleProgress, stack: ExitStack
) -> Callable[[], SessionLabeller]:
    """Return what loads the models at its first call, and reads the voices at each; `stack` ends the transcriber."""
    voices, per_channel = requested_current_voices(arguments), per_channel_task(arguments)
    load: Callable[[], DiarizingSession] = _opener(arguments, progress, stack).open
    load_once = cache(load)
    open_session = partial(voices.session, load_once) if voices else load_once
    return lambda: SessionLabeller(
        session=open_session(),
        progress=progress,
        task=per_channel or DiarizationTask(),
        channel=EACH if per_channel else None,
    )


def _opener(
    arguments: argparse.Namespace, progress: ConsoleProgress, stack: ExitStack
) -> SessionOpener | TranscribingOpener:
    opener, options = session_opener(arguments, progress), requested_transcription(arguments)
    return TranscribingOpener(opener=opener, options=options, enter=stack.enter_context) if options else opener


def _printed(outcomes: Iterator[Outcome], progress: ConsoleProgress) -> Iterator[dict[str, str]]:
    """Print each outcome when it is there; yield its document."""
    for outcome in outcomes:
        document = _document(outcome)
        progress.print_line(one_line(": ".join(document.values())))
        yield document


def _document(outcome: Outcome) -> dict[str, str]:
    document = {"place": str(outcome.place)}
    if outcome.error:
        document["error"] = outcome.error.message
    # File names may be invalid UTF-8, which neither a terminal nor JSON accepts.
    return {key: os.fsencode(value).decode(errors="replace") for key, value in document.items()}
