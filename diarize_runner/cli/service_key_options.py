"""The options that the `service-key` commands share."""

import argparse
import os
from pathlib import Path

VARIABLE = "DIARIZE_RUNNER_SERVICE_KEYS"


def add_keys_option(parser: argparse.ArgumentParser) -> None:
    """Add `--keys`, which is required unless the environment names the file."""
    named = os.environ.get(VARIABLE) or None
    default = Path(named) if named else None
    described = f"the API keys of the service, in a JSON file (default: ${VARIABLE})"
    parser.add_argument("--keys", type=Path, required=named is None, default=default, metavar="FILE", help=described)


def add_name_argument(parser: argparse.ArgumentParser) -> None:
    """Add the name of a key."""
    parser.add_argument("name", metavar="NAME", help="name of the key, which owns the jobs that are submitted with it")
