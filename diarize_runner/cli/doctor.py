"""`diarize-runner doctor`: is this box fit to diarize? Every check that finds something says what to run."""

import argparse
from functools import partial

from diarize_runner.cli.options import Commands, add_cache_option, add_command, add_device_option
from diarize_runner.cli.output import Result
from diarize_runner.doctor.check import Check
from diarize_runner.doctor.diagnosis import check_sample, examine
from diarize_runner.doctor.kept_sample import KEPT, check_anew, check_once, grounds_of
from diarize_runner.progress import Progress


def add_parser(commands: Commands) -> None:
    """Add the command."""
    described = "check this box; exit code 0: good, 2: not as provisioned, 3: broken"
    parser = add_command(commands, "doctor", run, described)
    add_cache_option(parser)
    add_device_option(parser)
    samples = parser.add_mutually_exclusive_group()
    samples.add_argument("--sample", action="store_true", help="diarize the recording that pyannote.audio ships, too")
    described = "the same, unless that was good since the last boot with the same packages, models and device"
    samples.add_argument("--sample-once", action="store_true", help=described)


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Look at everything, whatever is found first."""
    diagnosis = examine(arguments.cache, arguments.device, progress)
    sample = partial(check_sample, arguments.cache, arguments.device, progress)
    if arguments.sample:
        diagnosis = diagnosis.having(check_anew(KEPT, sample))
    elif arguments.sample_once:
        grounds = grounds_of(diagnosis, arguments.cache, arguments.device)
        diagnosis = diagnosis.having(check_once(KEPT, grounds, sample))
    text = tuple(line for check in diagnosis.checks for line in _lines(check))
    return Result(document=diagnosis.to_dict(), text=text, exit_code=int(diagnosis.state))


def _lines(check: Check) -> tuple[str, ...]:
    hint = (f"        hint: {check.hint}",) if check.hint else ()
    return (f"{check.state.name.lower():<7} {check.name}: {check.detail}", *hint)
