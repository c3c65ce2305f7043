"""Write a diarization, and a transcript labelled with it, in the formats that were asked for."""

import argparse
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.diarization.turns import Diarization
from diarize_runner.disk import disk_errors, write_atomically
from diarize_runner.errors import DiskError, UsageError
from diarize_runner.transcript.assign import assign_speakers
from diarize_runner.transcript.formats import json, rttm, srt
from diarize_runner.transcript.model import LabelledTranscript, Transcript

_NO_TRANSCRIPT = Transcript(segments=())

FORMATS: dict[str, Callable[[LabelledTranscript], str]] = {
    "json": json.render,
    "srt": srt.render,
    "rttm": lambda labelled: rttm.render(labelled.diarization),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Outputs:
    """The files that were asked for, by format; each can be written, and none is a file that is read."""

    paths: dict[str, Path]

    def write(self, diarization: Diarization, transcript: Transcript | None) -> None:
        """Write each, whole or not at all; raise DiskError when one cannot be."""
        for kind, data in rendered(self.paths, diarization, transcript).items():
            with disk_errors(self.paths[kind]):
                write_atomically(self.paths[kind], data)


def rendered(kinds: Iterable[str], diarization: Diarization, transcript: Transcript | None) -> dict[str, bytes]:
    """Return what each file holds, by its format."""
    labelled = assign_speakers(transcript or _NO_TRANSCRIPT, diarization)
    return {kind: FORMATS[kind](labelled).encode() for kind in kinds}


def requested_outputs(arguments: argparse.Namespace, inputs: list[Path]) -> Outputs:
    """Look at every output before any work is done, and make the folders they go to.

    Raises:
        UsageError: two are one file, one is an input, or there is no transcript to make subtitles of.
        DiskError: one cannot be written.
    """
    if arguments.output_srt and not arguments.transcript:
        raise UsageError("--output-srt needs a transcript", hint="give one with -t FILE, or ask for --output-rttm")
    wanted = {"json": arguments.output, "srt": arguments.output_srt, "rttm": arguments.output_rttm}
    paths = {kind: path for kind, path in wanted.items() if path}
    taken = {path.resolve() for path in inputs}
    for path in paths.values():
        if path.resolve() in taken:
            raise UsageError(f"{path} would be overwritten: it is an input or another output", hint="name another file")
        taken.add(path.resolve())
        require_writable(path)
    return Outputs(paths=paths)


def require_writable(path: Path) -> None:
    """Make the folder of an output, and raise DiskError when the file could not be written there."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise DiskError(f"{path} cannot be written", hint="name a file in a folder of your own")
