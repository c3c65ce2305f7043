"""Write a diarization, and a transcript labelled with it, in the formats that were asked for."""

import argparse
from collections.abc import Callable
from pathlib import Path

from diarize_runner.diarization.turns import Diarization
from diarize_runner.disk import disk_errors, write_atomically
from diarize_runner.errors import UsageError
from diarize_runner.transcript.assign import assign_speakers
from diarize_runner.transcript.formats import json, rttm, srt
from diarize_runner.transcript.model import LabelledTranscript, Transcript

_NO_TRANSCRIPT = Transcript(segments=())

FORMATS: dict[str, Callable[[LabelledTranscript], str]] = {
    "json": json.render,
    "srt": srt.render,
    "rttm": lambda labelled: rttm.render(labelled.diarization),
}


def write_outputs(
    arguments: argparse.Namespace, diarization: Diarization, transcript: Transcript | None
) -> dict[str, Path]:
    """Write every file that was asked for, each whole or not at all; return them by format.

    Raises:
        DiskError: a file cannot be written.
    """
    wanted = {"json": arguments.output, "srt": arguments.output_srt, "rttm": arguments.output_rttm}
    paths = {kind: path for kind, path in wanted.items() if path}
    labelled = assign_speakers(transcript or _NO_TRANSCRIPT, diarization)
    for kind, path in paths.items():
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, FORMATS[kind](labelled).encode())
    return paths


def require_transcript_for_srt(arguments: argparse.Namespace) -> None:
    """Refuse subtitles of nothing, before any work is done."""
    if arguments.output_srt and not arguments.transcript:
        raise UsageError("--output-srt needs a transcript", hint="give one with -t FILE, or ask for --output-rttm")
