"""`diarize-runner diarize`: who spoke when, and who said what."""

import argparse
from dataclasses import asdict

from diarize_runner.cli.batch_report import Described, described, report_batch
from diarize_runner.cli.labelling import add_labelling_options, labelling_rules
from diarize_runner.cli.opening import session_opener
from diarize_runner.cli.options import (
    Commands,
    add_cache_option,
    add_command,
    add_device_option,
    add_engine_option,
    add_output_options,
    add_transcript_option,
)
from diarize_runner.cli.output import Result, data_writer
from diarize_runner.cli.recordings import add_recording_options, requested_recordings
from diarize_runner.diarization.turns import SpeakerHints
from diarize_runner.errors import UsageError
from diarize_runner.jobs.batch import Done
from diarize_runner.jobs.job import FindSpeakers
from diarize_runner.progress import Telling
from diarize_runner.transcript.assign import DEFAULT_RULES
from diarize_runner.transcript.rules import Rules


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "diarize", run, "say who spoke when in recordings, and who said what")
    add_recording_options(parser)
    add_transcript_option(parser)
    add_labelling_options(parser)
    add_output_options(parser)
    parser.add_argument("--num-speakers", "--num_speakers", type=_positive, metavar="N", help="exactly N speakers")
    parser.add_argument("--min-speakers", "--min_speakers", type=_positive, metavar="N", help="N speakers or more")
    parser.add_argument("--max-speakers", "--max_speakers", type=_positive, metavar="N", help="N speakers or fewer")
    add_device_option(parser)
    add_engine_option(parser)
    add_cache_option(parser)


def run(arguments: argparse.Namespace, progress: Telling) -> Result:
    """Look at everything first, then hear, diarize, label and write one recording after the other."""
    requested = requested_recordings(arguments, FindSpeakers(hints=_hints(arguments)), _rules(arguments))
    if arguments.transcript and not requested[0].order.outputs.paths:
        raise UsageError("the transcript would be labelled, and written nowhere", hint="name an output: -o FILE")
    write = data_writer(as_json=arguments.json)
    return report_batch(requested, session_opener(arguments, progress), _described, progress, write)


def _described(done: Done) -> Described:
    result, diarization = done.result, done.result.diarization
    unmet = done.order.job.task.hints.unmet_by(diarization)
    heard = f"speakers: {', '.join(diarization.speakers) or 'none'}"
    return described(
        done,
        {
            "speakers": list(diarization.speakers),
            "unmet_hint": unmet or None,
            "diarization": [asdict(turn) for turn in diarization.turns],
        },
        (f"{result.timing.summary} on {result.provenance.device}, {heard}", *([f"  but: {unmet}"] if unmet else [])),
    )


def _hints(arguments: argparse.Namespace) -> SpeakerHints:
    exactly, least, most = arguments.num_speakers, arguments.min_speakers, arguments.max_speakers
    if exactly and (least or most):
        raise UsageError("--num-speakers leaves no room for --min-speakers or --max-speakers", hint="drop one of them")
    if least and most and least > most:
        raise UsageError(f"--min-speakers {least} is more than --max-speakers {most}", hint="swap them?")
    return SpeakerHints(exactly=exactly, at_least=least, at_most=most)


def _rules(arguments: argparse.Namespace) -> Rules:
    rules = labelling_rules(arguments)
    if rules != DEFAULT_RULES and not arguments.transcript:
        raise UsageError("--reach, --no-split and --smooth are of a transcript", hint="give one with -t FILE")
    return rules


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of speakers")
    return int(text)
