"""The one command, `diarize-runner`.

Each command is a module with `add_parser(commands)` and `run(arguments, progress) -> Result`: it parses, builds
objects, calls the library and says what came of it. This module alone turns an error into text and an exit code.

Data goes to stdout: with `--json`, one JSON document. What is for people goes to stderr.
Exit codes: 0 done, 1 failed, 2 bad usage, 3 integrity failure.
"""

import argparse
import sys
from collections.abc import Sequence

from diarize_runner import __version__
from diarize_runner.cli import benchmark, cache, diarize, doctor, spool
from diarize_runner.cli.options import Parser
from diarize_runner.cli.output import not_installed, print_error, print_result
from diarize_runner.cli.progress import progress_for
from diarize_runner.errors import DiarizeRunnerError

_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    arguments = build_parser().parse_args(argv)
    try:
        with progress_for(sys.stderr) as progress:
            result = arguments.run(arguments, progress)
    except DiarizeRunnerError as error:
        return print_error(error)
    except ModuleNotFoundError as reason:
        return print_error(not_installed(reason))
    except KeyboardInterrupt:
        return _INTERRUPTED
    print_result(result, as_json=arguments.json)
    return int(result.exit_code)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of every command."""
    parser = Parser(prog="diarize-runner", description="Verified model caches; offline diarization.")
    parser.add_argument("--version", action="version", version=f"diarize-runner {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in (cache, diarize, spool, benchmark, doctor):
        module.add_parser(commands)
    return parser
