"""`diarize-runner vad`: find when anyone spoke."""

import argparse

from diarize_runner.cli.batch_report import RecordingReport, recording_report, report_batch
from diarize_runner.cli.opening import session_opener
from diarize_runner.cli.options import (
    add_cache_option,
    add_device_option,
    add_engine_option,
)
from diarize_runner.cli.output import Result, data_writer
from diarize_runner.cli.output_options import add_output_options
from diarize_runner.cli.recordings import add_recording_options, requested_recordings
from diarize_runner.jobs.batch import Succeeded
from diarize_runner.jobs.job import SpeechDetectionTask
from diarize_runner.progress import ConsoleProgress, duration


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `vad`."""
    parser.set_defaults(transcript=None, speakers_per_channel=None)
    add_recording_options(parser)
    add_output_options(parser)
    add_device_option(parser)
    add_engine_option(parser)
    add_cache_option(parser)


def run(arguments: argparse.Namespace, progress: ConsoleProgress) -> Result:
    """Check all inputs and outputs first; then process one recording after the other."""
    requested = requested_recordings(arguments, SpeechDetectionTask())
    write = data_writer(as_json=arguments.json)
    return report_batch(requested, session_opener(arguments, progress).open_for, _report, progress, write)


def _report(done: Succeeded) -> RecordingReport:
    result, turns = done.result, done.result.diarization.turns
    spoken = sum(turn.duration for turn in turns)
    return recording_report(
        done,
        {"speech_seconds": spoken, "speech": [{"start": turn.start, "end": turn.end} for turn in turns]},
        (f"{result.timing.summary} on {result.provenance.device}, {duration(spoken)} of speech",),
    )
