"""Options that label the same voice alike in all recordings of one command."""

import argparse
from collections.abc import Iterator
from typing import Final

from diarize_runner.cli.options import cosine
from diarize_runner.errors import UsageError
from diarize_runner.jobs.linking import LinkedSpeakers
from diarize_runner.voices.linking import DEFAULT_LINK_THRESHOLD

_EXCLUDED: Final = {
    "speakers_per_channel": "omit one of them: the label of a channel names a channel of one recording",
    "skip_existing": "omit one of them: the voices of skipped recordings are not known",
}
"""Hints, by option."""


def add_linking_options(parser: argparse.ArgumentParser) -> None:
    """Add `--link` and `--link-threshold`."""
    described = "give an unknown voice the same label in all recordings of this command"
    parser.add_argument("--link", action="store_true", help=described)
    described = (
        "with --link, give a speaker the label of a voice heard before only at this cosine or above"
        f" (default: {DEFAULT_LINK_THRESHOLD:g}, for the embedded models)"
    )
    parser.add_argument("--link-threshold", type=cosine, metavar="COSINE", help=described)


def requested_linking(arguments: argparse.Namespace) -> Iterator[LinkedSpeakers]:
    """Yield what links speakers, if `--link` is given.

    Raises:
        UsageError: an option excludes it, or requires it.
    """
    threshold: float | None = arguments.link_threshold
    if arguments.link:
        _require_no_other(arguments)
        yield LinkedSpeakers(DEFAULT_LINK_THRESHOLD if threshold is None else threshold)
    elif threshold is not None:
        raise UsageError("--link-threshold requires --link", hint="add --link, or omit --link-threshold")


def _require_no_other(arguments: argparse.Namespace) -> None:
    for name, hint in _EXCLUDED.items():
        if getattr(arguments, name):
            raise UsageError(f"--link cannot be combined with --{name.replace('_', '-')}", hint=hint)
