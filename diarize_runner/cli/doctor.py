"""`diarize-runner doctor`: check that this machine can diarize and transcribe. Each failed check says what to run."""

import argparse
from functools import partial

from rich.console import Group
from rich.text import Text

from diarize_runner.cli.options import add_cache_option, add_device_option
from diarize_runner.cli.output import Result
from diarize_runner.control_characters import escape_controls
from diarize_runner.doctor.check import Check, State
from diarize_runner.doctor.diagnosis import check_sample, check_transcription_model, examine
from diarize_runner.doctor.images import MountedImage
from diarize_runner.doctor.sample_result import SAMPLE_RESULT, check_sample_once, recheck_sample, sample_inputs
from diarize_runner.progress import Progress

_STYLES = {State.GOOD: "green", State.DRIFT: "bold yellow", State.BROKEN: "bold red"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `doctor`."""
    add_cache_option(parser)
    add_device_option(parser)
    samples = parser.add_mutually_exclusive_group()
    samples.add_argument(
        "--sample",
        action="store_true",
        help="also diarize the recording that pyannote.audio ships, and transcribe it if the cache has a model",
    )
    described = "the same, unless it passed since the last boot with the same inputs; hash no images"
    samples.add_argument("--sample-once", action="store_true", help=described)
    described = "fail if the cache has no transcription model"
    parser.add_argument("--require-transcription", action="store_true", help=described)


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Run all checks, also after one has failed."""
    # Like the sample, the images are not read again: they were verified when they were fetched.
    require_image = MountedImage.require_mounted if arguments.sample_once else MountedImage.require_content
    diagnosis = examine(arguments.cache, arguments.device, progress, require_image)
    if arguments.require_transcription:
        diagnosis = diagnosis.with_check(check_transcription_model(arguments.cache))
    sample = partial(check_sample, arguments.cache, arguments.device, progress)
    if arguments.sample:
        diagnosis = diagnosis.with_check(recheck_sample(SAMPLE_RESULT, sample))
    elif arguments.sample_once:
        inputs = sample_inputs(diagnosis, arguments.cache, arguments.device)
        diagnosis = diagnosis.with_check(check_sample_once(SAMPLE_RESULT, inputs, sample))
    text = Group(*(_drawn(check) for check in diagnosis.checks))
    return Result(document=diagnosis.to_dict(), text=text, exit_code=int(diagnosis.state))


def _drawn(check: Check) -> Text:
    found = escape_controls(f"{check.name}: {check.detail}")
    hint = f"\n        hint: {escape_controls(check.hint)}" if check.hint else ""
    return Text.assemble((f"{check.state.name.lower():<7}", _STYLES[check.state]), f" {found}", (hint, "cyan"))
