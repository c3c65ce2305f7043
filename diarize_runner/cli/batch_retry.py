"""`diarize-runner batch retry`: let the next run try recordings again that failed."""

import argparse

from diarize_runner.batch.attempts import AttemptLog
from diarize_runner.batch.results import CONFIGURATION
from diarize_runner.batch.source import address_of
from diarize_runner.cli.output import Result
from diarize_runner.errors import UsageError
from diarize_runner.progress import Progress
from diarize_runner.store.address import open_listable_store

_STAGE = "forget attempts"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `batch retry`."""
    parser.add_argument("output", metavar="OUTPUT", help="the folder or s3://bucket/prefix with the results")
    described = "forget every failed attempt: also of recordings that were given up, or are no audio"
    parser.add_argument("--failed", action="store_true", required=True, help=described)


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Delete the attempts at recordings without a result."""
    store = open_listable_store(address_of(arguments.output))
    found = sorted(store.list_folders("", containing=CONFIGURATION))
    if not found:
        raise UsageError(f"{store.url} holds no batch", hint="name the OUTPUT of: diarize-runner batch INPUT OUTPUT")
    logs = [AttemptLog(store, name) for name in found]
    failed = [(log, recording) for log in logs for recording in log.names()]
    for number, (log, recording) in enumerate(failed, start=1):
        log.forget(recording)
        progress.advance(_STAGE, completed=number, total=len(failed))
    text = f"{len(failed)} recordings will be tried again by the next: diarize-runner batch INPUT OUTPUT"
    return Result(document={"forgotten": len(failed)}, text=text)
