"""`diarize-runner spool`: label what is dropped into a folder."""

import argparse
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from diarize_runner.cli.loaded import Loaded, load
from diarize_runner.cli.options import (
    Commands,
    add_cache_option,
    add_command,
    add_device_option,
    add_engine_option,
    seconds,
)
from diarize_runner.cli.output import Result
from diarize_runner.diarization.turns import Diarization, SpeakerHints
from diarize_runner.errors import UsageError
from diarize_runner.jobs.provenance import Source
from diarize_runner.jobs.watch import watched
from diarize_runner.progress import Telling
from diarize_runner.spool.run import SETTLE_SECONDS, Outcome, Spool
from diarize_runner.spool.run import run as run_spool
from diarize_runner.transcript import read
from diarize_runner.transcript.assign import assign_speakers
from diarize_runner.transcript.formats.document import Document
from diarize_runner.transcript.formats.fields import one_line
from diarize_runner.transcript.formats.known import FORMATS
from diarize_runner.transcript.model import Transcript

if TYPE_CHECKING:
    from diarize_runner.diarization.audio import Recording

_RESULTS = ("json", "rttm", "srt", "html")
_NO_HINTS = SpeakerHints()


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

    def open_labeller() -> PipelineLabeller:
        return PipelineLabeller(loaded=load(arguments, progress), progress=progress)

    outcomes = run_spool(Spool(folder=arguments.folder), open_labeller, settle=arguments.settle)
    documents = list(_told(outcomes, progress))
    failed = sum("error" in document for document in documents)
    text = f"{len(documents) - failed} labelled, {failed} failed"
    return Result(document={"recordings": documents}, text=text)


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelineLabeller:
    """Labels by the pipeline that was loaded."""

    loaded: Loaded
    progress: Telling

    def label(self, recording: Path, transcript: Path | None) -> Mapping[str, bytes]:
        """Return results by how their names end; raises as `read`, `decode` and `diarize` do."""
        from diarize_runner.diarization.audio import decode

        said = read.read(transcript) if transcript else None
        heard = decode(recording)
        diarization = self._diarize(heard)
        provenance = self.loaded.provenance(Source(audio=recording, transcript=transcript), heard, _NO_HINTS)
        document = Document(
            transcript=assign_speakers(said or Transcript(segments=()), diarization),
            sound=quote(os.fsencode(recording.name)),  # the page is put beside it
            provenance=provenance,
        )
        return {
            f".labelled{FORMATS[kind].suffix}": FORMATS[kind].render(document).encode()
            for kind in _RESULTS
            if said or not FORMATS[kind].needs_transcript
        }

    def _diarize(self, heard: "Recording") -> Diarization:
        with watched(heard, self.loaded.pace("diarize"), self.progress) as watch:
            diarization = self.loaded.diarizer.diarize(heard, _NO_HINTS, watch)
            self.loaded.diarizer.synchronise()
        return diarization


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
