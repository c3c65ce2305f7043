"""`diarize-runner vad`: when anybody spoke."""

import argparse

from diarize_runner.cli.batch_report import Described, described, report_batch
from diarize_runner.cli.opening import session_opener
from diarize_runner.cli.options import (
    Commands,
    add_cache_option,
    add_command,
    add_device_option,
    add_engine_option,
    add_output_options,
)
from diarize_runner.cli.output import Result, data_writer
from diarize_runner.cli.recordings import add_recording_options, requested_recordings
from diarize_runner.jobs.batch import Done
from diarize_runner.jobs.job import FindSpeech
from diarize_runner.progress import Telling, duration


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "vad", run, "say when anybody spoke in recordings, as SPEECH, and not who")
    parser.set_defaults(transcript=None)
    add_recording_options(parser)
    add_output_options(parser)
    add_device_option(parser)
    add_engine_option(parser)
    add_cache_option(parser)


def run(arguments: argparse.Namespace, progress: Telling) -> Result:
    """Look at everything first, then hear and write one recording after the other."""
    requested = requested_recordings(arguments, FindSpeech())
    write = data_writer(as_json=arguments.json)
    return report_batch(requested, session_opener(arguments, progress), _described, progress, write)


def _described(done: Done) -> Described:
    result, turns = done.result, done.result.diarization.turns
    spoken = sum(turn.duration for turn in turns)
    return described(
        done,
        {"speech_seconds": spoken, "speech": [{"start": turn.start, "end": turn.end} for turn in turns]},
        (f"{result.timing.summary} on {result.provenance.device}, {duration(spoken)} of speech",),
    )
