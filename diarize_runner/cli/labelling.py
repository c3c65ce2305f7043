"""Options that say how speakers are assigned, and the rules they become."""

import argparse

from diarize_runner.cli.options import seconds
from diarize_runner.transcript.rules import Guards, Island, Rules

_DEFAULT = Rules()


def add_labelling_options(parser: argparse.ArgumentParser) -> None:
    """Add one option for each rule that people may want otherwise."""
    reach = f"a word in silence goes to the turn that is nearest, up to so far (default: {_DEFAULT.reach:g})"
    parser.add_argument("--reach", type=seconds, default=_DEFAULT.reach, metavar="SECONDS", help=reach)
    parser.add_argument("--no-split", action="store_true", help="keep segments whole where their speaker changes")
    smooth = "give a word or two in the midst of another's sentence to the one who says the rest"
    parser.add_argument("--smooth", action="store_true", help=smooth)


def labelling_rules(arguments: argparse.Namespace) -> Rules:
    """Return what the options say."""
    return Rules(
        reach=arguments.reach,
        split=None if arguments.no_split else Guards(),
        smooth=Island() if arguments.smooth else None,
    )
