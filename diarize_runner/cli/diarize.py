"""`diarize-runner diarize`: find who spoke when, and with a transcript, who said what."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict

from diarize_runner.cli.batch_report import RecordingReport, recording_report, report_batch
from diarize_runner.cli.channels import add_channels_option, per_channel_task, require_no_other
from diarize_runner.cli.labelling import add_labelling_options, labelling_rules
from diarize_runner.cli.linking_options import add_linking_options
from diarize_runner.cli.naming import add_naming_options, requested_names, unknown_labels
from diarize_runner.cli.opening import session_opener
from diarize_runner.cli.options import (
    add_cache_option,
    add_device_option,
    add_engine_option,
    add_transcript_option,
)
from diarize_runner.cli.output import Result, data_writer
from diarize_runner.cli.output_options import add_output_options, require_not_overwritten
from diarize_runner.cli.recordings import Requested, add_recording_options, requested_recordings
from diarize_runner.cli.speaker_options import add_speaker_options, speaker_hints
from diarize_runner.cli.voices_options import add_naming_by_voice_options, naming_by_voice, requested_voices
from diarize_runner.errors import UsageError
from diarize_runner.jobs.batch import Succeeded
from diarize_runner.jobs.job import DiarizationTask
from diarize_runner.progress import ConsoleProgress
from diarize_runner.transcript.assign import DEFAULT_RULES
from diarize_runner.transcript.rules import Rules
from diarize_runner.transcript.speaker_names import SpeakerNames


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `diarize`."""
    add_recording_options(parser)
    add_transcript_option(parser)
    add_labelling_options(parser)
    add_naming_options(parser)
    add_naming_by_voice_options(parser)
    add_linking_options(parser)
    add_output_options(parser)
    add_speaker_options(parser)
    add_channels_option(parser)
    add_device_option(parser)
    add_engine_option(parser)
    add_cache_option(parser)


def run(arguments: argparse.Namespace, progress: ConsoleProgress) -> Result:
    """Check all inputs and outputs first; then process one recording after the other."""
    names, voices = requested_names(arguments), requested_voices(arguments)
    require_no_other(arguments)
    task = per_channel_task(arguments) or DiarizationTask(hints=speaker_hints(arguments))
    requested = requested_recordings(arguments, task, _rules(arguments), names)
    require_one_recording(arguments, requested, names)
    if arguments.transcript and not requested[0].item.outputs.paths:
        raise UsageError("-t requires an output", hint="name one: -o FILE")
    opener = session_opener(arguments, progress)
    open_for = naming_by_voice(arguments, voices, requested, opener.open_for)
    return report_batch(requested, open_for, describe, progress, data_writer(as_json=arguments.json))


def require_one_recording(arguments: argparse.Namespace, requested: Sequence[Requested], names: SpeakerNames) -> None:
    """Raise UsageError if names are given for several recordings, or an output is the file of names."""
    if names and len(requested) > 1 and arguments.speakers_per_channel != 1:
        hint = "run diarize without names, then for each recording: diarize-runner label RTTM TRANSCRIPT --name ..."
        raise UsageError("--name and --names require one recording: labels differ between recordings", hint=hint)
    if arguments.names:
        require_not_overwritten(
            [arguments.names], [path for each in requested for path in each.item.outputs.paths.values()]
        )


def describe(done: Succeeded) -> RecordingReport:
    """Return the report of a diarized recording."""
    result, diarization = done.result, done.result.diarization
    speaker_mismatch = done.item.job.task.unmet_hints(diarization)
    unknown = unknown_labels(done.item.job.names, diarization.speakers)
    speakers = f"speakers: {', '.join(diarization.speakers) or 'none'}"
    return recording_report(
        done,
        {
            "speakers": list(diarization.speakers),
            "unmet_hint": speaker_mismatch or None,
            **({"unknown_labels": unknown} if unknown else {}),
            "diarization": [asdict(turn) for turn in diarization.turns],
        },
        (
            f"{result.timing.summary} on {result.provenance.device}, {speakers}",
            *([f"  warning: {speaker_mismatch} speakers"] if speaker_mismatch else []),
            *([f"  warning: no speaker has the label {', '.join(unknown)}"] if unknown else []),
        ),
    )


def _rules(arguments: argparse.Namespace) -> Rules:
    rules = labelling_rules(arguments)
    if rules != DEFAULT_RULES and not arguments.transcript:
        raise UsageError("--reach, --no-split and --smooth require a transcript", hint="name one: -t FILE")
    return rules
