"""Options that several commands share, with their defaults from the environment."""

import argparse
import os
from pathlib import Path

from diarize_runner.cache.box.default_folder import DEFAULT_FOLDER, default_folder
from diarize_runner.diarization.engines import AUTO, DEVICES, ENGINES
from diarize_runner.digests import Digest
from diarize_runner.errors import UsageError

JSON = "--json"
DEVICE_VARIABLE = "DIARIZE_RUNNER_DEVICE"


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command."""
    parser.add_argument(JSON, action="store_true", help="print one JSON document to stdout, also on failure")
    how_much = parser.add_mutually_exclusive_group()
    how_much.add_argument("-q", "--quiet", action="store_true", help="print only errors and data")
    how_much.add_argument("-v", "--verbose", action="count", default=0, help="log to stderr; -vv logs more")


def add_cache_option(parser: argparse.ArgumentParser) -> None:
    """Add `--cache`."""
    described = f"a restored cache (default: $DIARIZE_RUNNER_CACHE, else {DEFAULT_FOLDER})"
    parser.add_argument("--cache", type=Path, default=default_folder(), metavar="DIR", help=described)


def add_device_option(parser: argparse.ArgumentParser) -> None:
    """Add `--device`."""
    described = f"{', '.join(DEVICES)}; auto uses a GPU if there is one (default: ${DEVICE_VARIABLE}, else auto)"
    # `choices` are for completion: argparse compares no default with them, so `_device` does.
    parser.add_argument(
        "--device", type=_device, choices=DEVICES, default=default_device() or "auto", metavar="NAME", help=described
    )


def default_device() -> str | None:
    """Return $DIARIZE_RUNNER_DEVICE; None where it is unset or empty."""
    return os.environ.get(DEVICE_VARIABLE) or None


def _device(text: str) -> str:
    if text not in DEVICES:
        source = f" (from ${DEVICE_VARIABLE})" if text == os.environ.get(DEVICE_VARIABLE) else ""
        raise argparse.ArgumentTypeError(f"{text!r}{source} is not one of {', '.join(DEVICES)}")
    return text


def add_engine_option(parser: argparse.ArgumentParser) -> None:
    """Add `--engine`."""
    described = (
        "stock runs pyannote's own pipeline; exact gives the same output faster; fast is faster, with other output; "
        "auto is fast for the embedded models, and exact for all others (default: auto)"
    )
    parser.add_argument("--engine", choices=ENGINES, default=AUTO, help=described)


def add_transcript_option(parser: argparse.ArgumentParser) -> None:
    """Add `--transcript`."""
    described = (
        "transcript to label: JSON of a transcriber, SRT, WebVTT or STM; or a folder, with one for each recording"
    )
    parser.add_argument("-t", "--transcript", type=Path, metavar="FILE", help=described)


def seconds(text: str) -> float:
    """Parse a number of seconds."""
    try:
        length = float(text)
    except ValueError:
        length = -1.0
    if not 0 <= length < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return length


def manifest_digest(option: str, text: str) -> Digest:
    """Parse the manifest digest given to `option`; raise UsageError if it is not one."""
    try:
        return Digest.parse(text)
    except ValueError as reason:
        hint = "copy it from cache list --json: sha256: and 64 hexadecimal digits"
        raise UsageError(f"{option}: {reason}", hint=hint) from reason


def cosine(text: str) -> float:
    """Parse the least cosine between two voices of one person."""
    try:
        least = float(text)
    except ValueError:
        least = 0.0
    if not 0 < least <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0, at most 1")
    return least
