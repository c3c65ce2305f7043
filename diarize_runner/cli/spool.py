"""`diarize-runner spool`: label what is dropped into a folder."""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.cli.labelled import rendered
from diarize_runner.cli.options import (
    Commands,
    add_cache_option,
    add_command,
    add_device_option,
    seconds,
    verified_cache,
)
from diarize_runner.cli.output import Result
from diarize_runner.diarization.turns import SpeakerHints
from diarize_runner.errors import UsageError
from diarize_runner.progress import Progress
from diarize_runner.spool.run import SETTLE_SECONDS, Outcome, Spool
from diarize_runner.spool.run import run as run_spool
from diarize_runner.transcript import read

if TYPE_CHECKING:
    from diarize_runner.diarization.engine import Diarizer


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "spool", run, "label what is dropped into FOLDER/inbox, until that is empty")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="gets inbox/, outbox/, failed/ and claimed/")
    described = f"a file counts as copied when unchanged for so long (default: {SETTLE_SECONDS:g})"
    parser.add_argument("--settle", type=seconds, default=SETTLE_SECONDS, metavar="SECONDS", help=described)
    add_device_option(parser)
    add_cache_option(parser)


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Load when the first recording is ready, and label one after the other."""
    if not arguments.folder.is_dir():
        raise UsageError(f"{arguments.folder} is not a folder", hint="make it first; what goes into it is made for you")

    def open_labeller() -> PipelineLabeller:
        from diarize_runner.diarization.engine import load

        diarizer = load(verified_cache(arguments.cache, progress), arguments.device)
        return PipelineLabeller(diarizer=diarizer, progress=progress)

    outcomes = list(run_spool(Spool(folder=arguments.folder), open_labeller, settle=arguments.settle))
    documents = [_document(outcome) for outcome in outcomes]
    failed = sum(outcome.error is not None for outcome in outcomes)
    lines = [": ".join(document.values()) for document in documents]
    text = "\n".join([*lines, f"{len(outcomes) - failed} labelled, {failed} failed"])
    return Result(document={"recordings": documents}, text=text)


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelineLabeller:
    """Labels by the pipeline that was loaded."""

    diarizer: "Diarizer"
    progress: Progress

    def label(self, recording: Path, transcript: Path | None) -> Mapping[str, bytes]:
        """Return JSON and RTTM, and with a transcript SRT; raises as `read`, `decode` and `diarize` do."""
        from diarize_runner.diarization.audio import decode

        said = read.read(transcript) if transcript else None
        diarization = self.diarizer.diarize(decode(recording), SpeakerHints(), self.progress)
        kinds = ("json", "rttm", "srt") if said else ("json", "rttm")
        return {f".labelled.{kind}": data for kind, data in rendered(kinds, diarization, said).items()}


def _document(outcome: Outcome) -> dict[str, str]:
    document = {"place": str(outcome.place)}
    if outcome.error:
        document["error"] = outcome.error.message
    # Names can be bytes that are no text, which neither a terminal nor JSON takes.
    return {key: os.fsencode(value).decode(errors="replace") for key, value in document.items()}
