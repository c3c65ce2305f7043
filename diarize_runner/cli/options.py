"""Options that several commands share, and what their values become."""

import argparse
import math
from pathlib import Path
from typing import Any

from diarize_runner.cache.box.usual_folder import USUAL, usual_folder
from diarize_runner.diarization.engines import DEVICES, ENGINES, EXACT
from diarize_runner.digests import Digest
from diarize_runner.errors import UsageError
from diarize_runner.store.remote import CHUNK, SLOWEST, Patience

Commands = Any
"""What `argparse` gives for adding commands; its type is private."""

JSON = "--json"


def add_command(commands: Commands, name: str, run: Any, description: str) -> argparse.ArgumentParser:
    """Add a command with the options that every one has."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=description, description=description)
    parser.add_argument(JSON, action="store_true", help="print one JSON document to stdout, also of a failure")
    parser.set_defaults(run=run)
    return parser


def add_rate_option(parser: argparse.ArgumentParser) -> None:
    """Add `--min-rate`, and leave what it asks for as `patience`."""
    parser.add_argument(
        "--min-rate",
        dest="patience",
        type=_patience,
        default=Patience(),
        metavar="KB",
        help=f"give up a store that sends fewer than KB kilobytes a second on a connection, averaged over "
        f"{CHUNK >> 10} KiB, {Patience().tries} times in a row (default: {SLOWEST / 1000:g}); what came is kept, and "
        "the next run goes on from there",
    )


def _patience(text: str) -> Patience:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no rate: a number above 0, of kilobytes per second")
    return Patience.down_to(1000 * rate)


def add_cache_option(parser: argparse.ArgumentParser) -> None:
    """Add `--cache`."""
    described = f"restored cache (default: $DIARIZE_RUNNER_CACHE, else {USUAL})"
    parser.add_argument("--cache", type=Path, default=usual_folder(), metavar="DIR", help=described)


def add_device_option(parser: argparse.ArgumentParser) -> None:
    """Add `--device`."""
    described = "auto takes cuda where there is one; asking for cuda never falls back to cpu"
    parser.add_argument("--device", choices=DEVICES, default="auto", help=described)


def add_engine_option(parser: argparse.ArgumentParser) -> None:
    """Add `--engine`."""
    described = "stock is pyannote's own pipeline; exact gives the same output sooner (default: exact)"
    parser.add_argument("--engine", choices=ENGINES, default=EXACT, help=described)


def add_transcript_option(parser: argparse.ArgumentParser) -> None:
    """Add `--transcript`."""
    described = "transcript to label: JSON of a Whisper, SRT, WebVTT or STM"
    parser.add_argument("-t", "--transcript", type=Path, metavar="FILE", help=described)


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add what is to be written, where, and how."""
    from diarize_runner.transcript.formats.known import FORMATS

    known = ", ".join(known.suffix for known in FORMATS.values())
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help=f"its name ends in one of {known}, or in nothing for JSON; may be given again",
    )
    parser.add_argument("--output-srt", "--output_srt", type=Path, metavar="FILE", help="SRT, whatever its name")
    parser.add_argument("--output-rttm", "--output_rttm", type=Path, metavar="FILE", help="RTTM, whatever its name")
    parser.add_argument("--output-dir", "--output_dir", type=Path, metavar="DIR", help="a file there for each of:")
    described = ", ".join(f"{name} ({known.says})" for name, known in FORMATS.items())
    parser.add_argument("--formats", type=_formats, default=(), metavar="NAME,...", help=described)
    parser.add_argument(
        "--json-style",
        choices=("full", "whisperlive"),
        default="full",
        help="whisperlive: segments, speakers and diarization alone (default: full)",
    )
    parser.add_argument(
        "--html-audio",
        choices=("link", "embed", "none"),
        default="link",
        help="the page plays the recording from where it lies, or holds it (default: link)",
    )


def _formats(text: str) -> tuple[str, ...]:
    from diarize_runner.transcript.formats.known import FORMATS

    names = tuple(dict.fromkeys(text.split(",")))
    unknown = [name for name in names if name not in FORMATS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is not one of {', '.join(FORMATS)}")
    return names


def seconds(text: str) -> float:
    """Read a length of time from the command line."""
    try:
        length = float(text)
    except ValueError:
        length = -1.0
    if not 0 <= length < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return length


def manifest_digest(option: str, text: str) -> Digest:
    """Read the digest that `option` names a version by; raise UsageError when it is none."""
    try:
        return Digest.parse(text)
    except ValueError as reason:
        hint = "name a manifest as cache list --json does: sha256: and 64 digits"
        raise UsageError(f"{option}: {reason}", hint=hint) from reason
