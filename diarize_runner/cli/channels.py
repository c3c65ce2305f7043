"""The option that tells speakers apart by channel."""

import argparse
from typing import Final

from diarize_runner.cli.recordings import number_or
from diarize_runner.diarization.turns import SpeakerHints
from diarize_runner.errors import UsageError
from diarize_runner.jobs.per_channel import PerChannelTask

_AUTO: Final = "auto"


def add_channels_option(parser: argparse.ArgumentParser) -> None:
    """Add --speakers-per-channel."""
    parser.add_argument(
        "--speakers-per-channel",
        type=_speakers,
        metavar="N|auto",
        help="diarize each channel separately, with N speakers in each, or as many as are found (auto)",
    )


def per_channel_task(arguments: argparse.Namespace) -> PerChannelTask | None:
    """Return the task that the option requests, if it is given.

    Raises:
        UsageError: N is too great.
    """
    speakers = arguments.speakers_per_channel
    if speakers is None:
        return None
    hints = SpeakerHints(exactly=None if speakers == _AUTO else speakers)
    hints.require_possible()
    return PerChannelTask(hints=hints)


def require_no_other(arguments: argparse.Namespace) -> None:
    """Raise UsageError if --speakers-per-channel is given with an option that it excludes."""
    options = ("channel", "num_speakers", "min_speakers", "max_speakers")
    given = [f"--{name.replace('_', '-')}" for name in options if getattr(arguments, name) is not None]
    if arguments.speakers_per_channel and given:
        raise UsageError(f"--speakers-per-channel cannot be combined with {given[0]}", hint="omit one of them")


def _speakers(text: str) -> int | str:
    return number_or(text, "a number of speakers", _AUTO) or _AUTO
