"""`diarize-runner doctor`: is this box fit to diarize? Every check that finds something says what to run."""

import argparse
from dataclasses import replace

from diarize_runner.cli.options import Commands, add_cache_option, add_command, add_device_option
from diarize_runner.cli.output import Result
from diarize_runner.doctor.check import Check
from diarize_runner.doctor.diagnosis import examine, prove
from diarize_runner.progress import Progress


def add_parser(commands: Commands) -> None:
    """Add the command."""
    described = "check this box; exit code 0: good, 2: not as provisioned, 3: broken"
    parser = add_command(commands, "doctor", run, described)
    add_cache_option(parser)
    add_device_option(parser)
    parser.add_argument("--sample", action="store_true", help="diarize the recording that pyannote.audio ships, too")


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Look at everything, whatever is found first."""
    diagnosis = examine(arguments.cache, arguments.device, progress)
    if arguments.sample:
        proof = prove(arguments.cache, arguments.device, progress)
        diagnosis = replace(diagnosis, checks=(*diagnosis.checks, proof))
    text = "\n".join(_line(check) for check in diagnosis.checks)
    return Result(document=diagnosis.to_dict(), text=text, exit_code=int(diagnosis.state))


def _line(check: Check) -> str:
    hint = f"\n        hint: {check.hint}" if check.hint else ""
    return f"{check.state.name.lower():<7} {check.name}: {check.detail}{hint}"
