"""The one command, `diarize-runner`.

Each command is a module with `add_parser(commands)` and `run(arguments, progress) -> Result`: it parses, builds
objects, calls the library and says what came of it. This module alone turns an error into text and an exit code.
A command's module is imported when it is asked for: to import all of them takes as long as a small restore.

Data goes to stdout: with `--json`, one JSON document, whether the command succeeds or fails. What is for people goes
to stderr. Exit codes: 0 done, 1 failed, 2 bad usage, 3 integrity failure, 130 interrupted.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from diarize_runner.cli.options import JSON
from diarize_runner.cli.output import Result, not_installed, print_error, print_result
from diarize_runner.cli.parser import Parser
from diarize_runner.cli.progress import progress_for
from diarize_runner.errors import DiarizeRunnerError, Interrupted
from diarize_runner.version import __version__

_MAKING = ("cache_resolve", "cache_build", "cache_keygen", "cache_sbom")
_KEEPING = ("cache_publish", "cache_list", "cache_rollback", "cache_prune")  # the last of a box, too
_USING = ("cache_restore", "cache_switch", "cache_verify", "cache_wheels")
_MEASURING = tuple(
    f"benchmark_{verb}" for verb in ("run", "publish", "history", "compare", "plan", "project", "render", "readme")
)
_HEARING = ("diarize", "vad", "label", "spool")
_COMMANDS = (*_MAKING, *_KEEPING, *_USING, *_HEARING, *_MEASURING, "doctor")
_FAMILIES = {
    "cache": "build, publish, restore and verify model caches",
    "benchmark": "measure how fast and how right diarization is, and compare; without a verb, as benchmark run",
}
_UNSAID = {"benchmark": "run"}
"""What a family does when none of its verbs is said."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    words = _with_verb(sys.argv[1:] if argv is None else argv)
    return run_command(build_parser(words), words)


def run_command(parser: argparse.ArgumentParser, words: Sequence[str]) -> int:
    """Run the one of a parser's commands that `words` ask for, and return its exit code."""
    as_json = JSON in words  # asked before the command line is parsed, which may fail
    try:
        arguments = parser.parse_args(words)
        with progress_for(sys.stderr) as progress:
            result: Result = arguments.run(arguments, progress)
        print_result(result, as_json=as_json)
    except DiarizeRunnerError as error:
        return print_error(error, as_json=as_json)
    except ModuleNotFoundError as reason:
        return print_error(not_installed(reason), as_json=as_json)
    except KeyboardInterrupt:
        return print_error(Interrupted("interrupted"), as_json=as_json)
    return result.exit_code


def build_parser(words: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Return the parser of the command that `words` begin with, or else of every command."""
    parser = Parser(prog="diarize-runner", description="Verified model caches; offline diarization.")
    parser.add_argument("--version", action="version", version=f"diarize-runner {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    groups = {"": commands}
    for family, described in _FAMILIES.items():
        more = f"diarize-runner {family} VERB --help says what a verb takes"
        members = commands.add_parser(family, help=described, description=described, epilog=more)
        groups[family] = members.add_subparsers(metavar="VERB", required=True)
    for name in _asked(words):
        family = name.rpartition("_")[0]
        import_module(f"{__name__}.{name}").add_parser(groups[family])
    return parser


def _with_verb(words: Sequence[str]) -> Sequence[str]:
    """Return the words with the verb that a family's name stands for by itself."""
    verb = _UNSAID.get(words[0]) if words else None
    known = {name.rpartition("_")[2] for name in _COMMANDS if words and name.startswith(f"{words[0]}_")}
    if not verb or words[1:2] in (["-h"], ["--help"]) or known.intersection(words[1:2]):
        return words
    return [words[0], verb, *words[1:]]


def _asked(words: Sequence[str]) -> Sequence[str]:
    named = [name for name in _COMMANDS if name.split("_") == list(words[: name.count("_") + 1])]
    return named or _COMMANDS
