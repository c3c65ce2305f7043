"""Options that name speakers."""

import argparse
from collections.abc import Iterable
from pathlib import Path

from diarize_runner.errors import UsageError
from diarize_runner.transcript.speaker_names import SpeakerNames, collect_names, parse_name, read_names


def add_naming_options(parser: argparse.ArgumentParser) -> None:
    """Add `--name` and `--names`."""
    described = "call a speaker NAME in every output, such as SPEAKER_00=Ada; repeatable"
    parser.add_argument("--name", type=_pair, action="append", default=[], metavar="LABEL=NAME", help=described)
    described = "read such names from FILE, one a line, or a JSON object"
    parser.add_argument("--names", type=Path, metavar="FILE", help=described)


def requested_names(arguments: argparse.Namespace) -> SpeakerNames:
    """Return the names by label; `--name` overrides the file.

    Raises:
        UsageError: the file cannot be read, or a label has two names.
    """
    listed = read_names(arguments.names) if arguments.names else {}
    try:
        return {**listed, **collect_names(arguments.name)}
    except ValueError as error:
        raise UsageError(f"--name: {error}", hint="give each label one name") from error


def unknown_labels(names: SpeakerNames, speakers: Iterable[str]) -> list[str]:
    """Return the labels in `names` of which no speaker has the name."""
    named = set(speakers)
    return [label for label, name in names.items() if name not in named]


def _pair(text: str) -> tuple[str, str]:
    try:
        return parse_name(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
