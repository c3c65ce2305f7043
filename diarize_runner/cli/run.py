"""`diarize-runner run`: transcribe and diarize a recording, and find who said what."""

import argparse
from contextlib import ExitStack
from dataclasses import replace

from diarize_runner.cli.batch_report import RecordingReport, report_batch
from diarize_runner.cli.channels import add_channels_option, per_channel_task, require_no_other
from diarize_runner.cli.diarize import describe, require_one_recording
from diarize_runner.cli.labelling import add_labelling_options, labelling_rules
from diarize_runner.cli.linking_options import add_linking_options
from diarize_runner.cli.naming import add_naming_options, requested_names
from diarize_runner.cli.opening import session_opener
from diarize_runner.cli.options import add_cache_option, add_device_option, add_engine_option
from diarize_runner.cli.output import Result, data_writer
from diarize_runner.cli.output_options import add_output_options
from diarize_runner.cli.recordings import add_recording_options, requested_recordings
from diarize_runner.cli.speaker_options import add_speaker_options, speaker_hints
from diarize_runner.cli.transcribe import with_text
from diarize_runner.cli.transcription_options import add_transcription_options, transcription_options
from diarize_runner.cli.voices_options import add_naming_by_voice_options, naming_by_voice, requested_voices
from diarize_runner.jobs.batch import Succeeded
from diarize_runner.jobs.job import DiarizationTask
from diarize_runner.jobs.transcribing import TranscribingOpener
from diarize_runner.progress import ConsoleProgress, duration
from diarize_runner.transcript.formats.registry import FORMATS


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `run`."""
    add_recording_options(parser)
    add_labelling_options(parser)
    add_naming_options(parser)
    add_naming_by_voice_options(parser)
    add_linking_options(parser)
    add_output_options(parser)
    add_transcription_options(parser)
    add_speaker_options(parser)
    add_channels_option(parser)
    add_device_option(parser)
    add_engine_option(parser)
    add_cache_option(parser)


def run(arguments: argparse.Namespace, progress: ConsoleProgress) -> Result:
    """Check all inputs and outputs first; then process one recording after the other."""
    options, names = transcription_options(arguments), requested_names(arguments)
    voices = requested_voices(arguments)
    require_no_other(arguments)
    if arguments.output_dir and not arguments.formats:
        arguments.formats = tuple(FORMATS)
    task = per_channel_task(arguments) or DiarizationTask(hints=speaker_hints(arguments))
    requested = requested_recordings(arguments, task, labelling_rules(arguments), names)
    require_one_recording(arguments, requested, names)
    write = data_writer(as_json=arguments.json)
    with ExitStack() as stack:
        opener = TranscribingOpener(
            opener=session_opener(arguments, progress), options=options, enter=stack.enter_context
        )
        open_for = naming_by_voice(arguments, voices, requested, opener.open_for)
        return report_batch(requested, open_for, _report, progress, write)


def _report(done: Succeeded) -> RecordingReport:
    report, seconds = with_text(describe(done), done), done.result.transcription_seconds or 0.0
    transcribed = f"  transcribed in {duration(seconds)}, RTF {seconds / report.audio_seconds:.3f}"
    language = done.result.labelled.language
    first, *rest = report.text
    return replace(report, document={**report.document, "language": language}, text=(first, transcribed, *rest))
