"""The options that say how many speakers there are."""

import argparse

from diarize_runner.diarization.turns import MAX_SPEAKERS, SpeakerHints
from diarize_runner.errors import UsageError


def add_speaker_options(parser: argparse.ArgumentParser) -> None:
    """Add --num-speakers, --min-speakers and --max-speakers."""
    parser.add_argument(
        "--num-speakers",
        "--num_speakers",
        type=positive,
        metavar="N",
        help=f"exact number of speakers, at most {MAX_SPEAKERS}",
    )
    parser.add_argument(
        "--min-speakers",
        "--min_speakers",
        type=positive,
        metavar="N",
        help=f"minimum number of speakers, at most {MAX_SPEAKERS}",
    )
    parser.add_argument(
        "--max-speakers", "--max_speakers", type=positive, metavar="N", help="maximum number of speakers"
    )


def speaker_hints(arguments: argparse.Namespace) -> SpeakerHints:
    """Return the hints; raise UsageError if they contradict each other, or are impossible."""
    exactly, least, most = arguments.num_speakers, arguments.min_speakers, arguments.max_speakers
    if exactly and (least or most):
        raise UsageError(
            "--num-speakers cannot be combined with --min-speakers or --max-speakers",
            hint="use either the one or the others",
        )
    if least and most and least > most:
        raise UsageError(f"--min-speakers {least} is more than --max-speakers {most}", hint="swap them")
    hints = SpeakerHints(exactly=exactly, at_least=least, at_most=most)
    hints.require_possible()
    return hints


def positive(text: str) -> int:
    """Parse a positive integer."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive integer")
    return int(text)
