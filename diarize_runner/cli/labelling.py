"""Options for how speakers are assigned to words, and the rules they become."""

import argparse

from diarize_runner.cli.options import seconds
from diarize_runner.transcript.rules import Rules, SmoothingLimits, SplitThresholds

_DEFAULT = Rules()


def add_labelling_options(parser: argparse.ArgumentParser) -> None:
    """Add an option for each rule."""
    reach = f"assign a word outside all turns to the nearest turn within SECONDS (default: {_DEFAULT.reach:g})"
    parser.add_argument("--reach", type=seconds, default=_DEFAULT.reach, metavar="SECONDS", help=reach)
    parser.add_argument("--no-split", action="store_true", help="do not split segments where the speaker changes")
    smooth = "assign one or two words inside another speaker's sentence to that speaker"
    parser.add_argument("--smooth", action="store_true", help=smooth)


def labelling_rules(arguments: argparse.Namespace) -> Rules:
    """Return the rules that the options describe."""
    return Rules(
        reach=arguments.reach,
        split=None if arguments.no_split else SplitThresholds(),
        smooth=SmoothingLimits() if arguments.smooth else None,
    )
