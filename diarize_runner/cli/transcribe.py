"""`diarize-runner transcribe`: find what was said, without speakers."""

import argparse
from contextlib import ExitStack
from dataclasses import replace

from diarize_runner.cli.batch_report import RecordingReport, recording_report, report_batch
from diarize_runner.cli.options import add_cache_option, add_device_option
from diarize_runner.cli.output import Result, data_writer
from diarize_runner.cli.output_options import add_output_options
from diarize_runner.cli.recordings import Requested, add_recording_options, requested_recordings
from diarize_runner.cli.transcription_options import add_transcription_options, transcription_options
from diarize_runner.errors import UsageError
from diarize_runner.jobs.batch import Succeeded
from diarize_runner.jobs.job import DiarizationTask
from diarize_runner.jobs.transcribing import TranscriptOpener
from diarize_runner.progress import ConsoleProgress
from diarize_runner.transcript.formats import txt


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `transcribe`."""
    add_recording_options(parser)
    add_output_options(parser)
    parser.set_defaults(speakers_per_channel=None)
    add_transcription_options(parser)
    add_device_option(parser)
    add_cache_option(parser)


def run(arguments: argparse.Namespace, progress: ConsoleProgress) -> Result:
    """Check all inputs and outputs first; then process one recording after the other."""
    options = transcription_options(arguments)
    requested = requested_recordings(arguments, DiarizationTask())
    _require_no_turns(requested)
    write = data_writer(as_json=arguments.json)
    with ExitStack() as stack:
        opener = TranscriptOpener(folder=arguments.cache, options=options, progress=progress, enter=stack.enter_context)
        return report_batch(requested, opener.open_for, _report, progress, write)


def _require_no_turns(requested: list[Requested]) -> None:
    path = next((each.item.outputs.paths["rttm"] for each in requested if "rttm" in each.item.outputs.paths), None)
    if path:
        raise UsageError(f"{path} needs speaker turns", hint="use diarize-runner run, or name another format")


def _report(done: Succeeded) -> RecordingReport:
    labelled, made = done.result.labelled, done.result.provenance.transcription
    words = sum(len(segment.text.split()) for segment in labelled.segments)
    found: dict[str, object] = {
        "language": labelled.language,
        "segments": [
            {"start": segment.start, "end": segment.end, "text": segment.text} for segment in labelled.segments
        ],
    }
    model = f"{made.model} in {made.compute_type} on {made.device}" if made else ""
    if made and made.alignment:
        model += f" and {made.alignment.model}"
    text = f"{done.result.timing.summary} with {model}, {words} words, language: {labelled.language}"
    return with_text(recording_report(done, found, (text,)), done)


def with_text(report: RecordingReport, done: Succeeded) -> RecordingReport:
    """Return the report with the transcript as text for pipes, unless files were written."""
    return replace(report, data="" if done.item.outputs.paths else txt.render(done.result.labelled))
