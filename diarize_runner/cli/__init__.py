"""The command `diarize-runner`.

`commands.py` lists every command. Each is a module with `add_options(parser)` and `run(arguments, progress) -> Result`:
it parses, builds objects, calls the library and reports the result. Only the module of the command that runs is
imported: importing all of them takes a second. This module alone turns an error into text and an exit code.

stdout carries data: with `--json`, one JSON document on success and on failure. Text for people goes to stderr.
Exit codes: 0 done, 1 failed, 2 bad usage, 3 integrity failure, 130 interrupted.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import replace
from importlib import import_module
from typing import Any

from diarize_runner.cli import completion
from diarize_runner.cli.commands import COMMANDS, DEFAULT_VERBS, GROUPS, Command
from diarize_runner.cli.logs import log_to
from diarize_runner.cli.options import JSON, add_common_options
from diarize_runner.cli.output import Result, not_installed, print_error, print_result
from diarize_runner.cli.parser import Parser
from diarize_runner.cli.progress import lines_on, progress_for, quiet_progress
from diarize_runner.errors import DiarizeRunnerError, Interrupted, UsageError
from diarize_runner.unexpected import unexpected_error
from diarize_runner.version import __version__

_ENVIRONMENT = (
    "environment: DIARIZE_RUNNER_STORE, DIARIZE_RUNNER_CACHE and DIARIZE_RUNNER_DEVICE are the defaults of --store, "
    "--cache and --device"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    before_cursor = completion.requested_words()
    if before_cursor is not None:
        completion.complete(build_parser(before_cursor))
    words = _with_verb(sys.argv[1:] if argv is None else argv)
    if not words or words in ([group] for group in GROUPS):
        return _print_help(words)
    return run_command(build_parser(words), words)


def run_command(parser: argparse.ArgumentParser, words: Sequence[str]) -> int:
    """Parse `words`, run the command they name and return its exit code."""
    as_json = JSON in words  # parsing may fail before `arguments` exist
    try:
        arguments = parser.parse_args(words)
        open_progress = quiet_progress if arguments.quiet else progress_for
        with open_progress(sys.stderr) as progress, log_to(progress, arguments.verbose), _unexpected_errors():
            result: Result = arguments.run(arguments, progress)
        with log_to(lines_on(sys.stderr), arguments.verbose), _unexpected_errors():
            print_result(replace(result, text=()) if arguments.quiet else result, as_json=as_json)
    except DiarizeRunnerError as error:
        return print_error(error, as_json=as_json)
    except ModuleNotFoundError as reason:
        return print_error(not_installed(reason), as_json=as_json)
    except KeyboardInterrupt:
        return print_error(Interrupted("interrupted"), as_json=as_json)
    return result.exit_code


@contextmanager
def _unexpected_errors() -> Iterator[None]:
    """Raise an exception that no adapter translates as UnexpectedError, and log its traceback."""
    try:
        yield
    except (DiarizeRunnerError, ModuleNotFoundError):
        raise
    except Exception as reason:
        raise unexpected_error(reason) from reason


def build_parser(words: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """Return a parser that knows every command by name, and the options of the one that `words` begin with.

    Without words, it knows the options of every command.
    """
    parser = Parser(
        prog="diarize-runner",
        description="Build and restore verified model caches; diarize recordings offline.",
        epilog=_ENVIRONMENT,
        example=COMMANDS["diarize"].example,
    )
    parser.add_argument("-V", "--version", action="version", version=f"diarize-runner {__version__}")
    verbs = {"": parser.add_subparsers(metavar="COMMAND", required=True)}
    for name, command in COMMANDS.items():
        group, _, verb = name.rpartition(" ")
        if group not in verbs:
            verbs[group] = _add_group(verbs[""], group)
        added = add_command(verbs[group], verb, command)
        if words is None or list(words[: name.count(" ") + 1]) == name.split():
            add_options(added, import_module(command.module(name)))
    return parser


def _add_group(commands: "argparse._SubParsersAction[Parser]", group: str) -> "argparse._SubParsersAction[Parser]":
    added = commands.add_parser(
        group, help=GROUPS[group], description=GROUPS[group], epilog=f"diarize-runner {group} VERB --help lists options"
    )
    return added.add_subparsers(metavar="VERB", required=True)


def add_command(commands: "argparse._SubParsersAction[Parser]", name: str, command: Command) -> Parser:
    """Add a command without its options, and return its parser."""
    summary, description = command.summary, command.description
    return commands.add_parser(name, help=summary, description=description, example=command.example)


def add_options(parser: argparse.ArgumentParser, module: Any) -> None:
    """Add the options of every command and those of `module`, whose `run` runs it."""
    add_common_options(parser)
    module.add_options(parser)
    parser.set_defaults(run=module.run)


def _with_verb(words: Sequence[str]) -> list[str]:
    """Return the words, with the default verb of a group where none follows it."""
    group, *rest = words or [""]
    verbs = {name.rpartition(" ")[2] for name in COMMANDS if name.startswith(f"{group} ")}
    if group not in DEFAULT_VERBS or rest[:1] in (["-h"], ["--help"]) or verbs.intersection(rest[:1]):
        return list(words)
    return [group, DEFAULT_VERBS[group], *rest]


def _print_help(words: Sequence[str]) -> int:
    """Print the help of an incomplete command line to stderr; its exit code is that of bad usage."""
    with redirect_stdout(sys.stderr), suppress(SystemExit):
        build_parser(words).parse_args([*words, "--help"])
    return UsageError.exit_code
