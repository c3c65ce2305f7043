"""The one command, `diarize-runner`.

Each command is a module with `add_parser(commands)` and `run(arguments, progress) -> Result`: it parses, builds
objects, calls the library and says what came of it. This module alone turns an error into text and an exit code.

Data goes to stdout: with `--json`, one JSON document, whether the command succeeds or fails. What is for people goes
to stderr. Exit codes: 0 done, 1 failed, 2 bad usage, 3 integrity failure, 130 interrupted.
"""

import argparse
import sys
from collections.abc import Sequence

from diarize_runner import __version__
from diarize_runner.cli import benchmark, cache, diarize, doctor
from diarize_runner.cli.options import JSON, Parser
from diarize_runner.cli.output import Result, not_installed, print_error, print_result
from diarize_runner.cli.progress import progress_for
from diarize_runner.errors import DiarizeRunnerError, Interrupted


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    as_json = JSON in argv  # asked before the command line is parsed, which may fail
    try:
        result = _run(argv)
    except DiarizeRunnerError as error:
        return print_error(error, as_json=as_json)
    except ModuleNotFoundError as reason:
        return print_error(not_installed(reason), as_json=as_json)
    except KeyboardInterrupt:
        return print_error(Interrupted("interrupted"), as_json=as_json)
    print_result(result, as_json=as_json)
    return result.exit_code


def _run(argv: Sequence[str]) -> Result:
    arguments = build_parser().parse_args(argv)
    with progress_for(sys.stderr) as progress:
        result: Result = arguments.run(arguments, progress)
    return result


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of every command."""
    parser = Parser(prog="diarize-runner", description="Verified model caches; offline diarization.")
    parser.add_argument("--version", action="version", version=f"diarize-runner {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in (cache, diarize, benchmark, doctor):
        module.add_parser(commands)
    return parser
