"""Options that name a store, and say how to read and write it."""

import argparse
import math
import os

from diarize_runner.store.address import ADDRESSES, open_store_without_conditional_writes, open_writable_store
from diarize_runner.store.remote import CHUNK, MIN_RATE, RetryPolicy

VARIABLE = "DIARIZE_RUNNER_STORE"
FILE_OR_S3 = "file:///folder or s3://bucket/prefix"


def default_store() -> str | None:
    """Return $DIARIZE_RUNNER_STORE; None where it is unset or empty."""
    return os.environ.get(VARIABLE) or None


def add_store_option(parser: argparse.ArgumentParser, addresses: str = ADDRESSES) -> None:
    """Add `--store`, which is required unless the environment names a store."""
    store = default_store()
    described = f"{addresses} (default: ${VARIABLE})"
    parser.add_argument("--store", required=store is None, default=store, metavar="STORE", help=described)


def add_writable_store_options(parser: argparse.ArgumentParser) -> None:
    """Add `--store`, and how to write to it."""
    add_store_option(parser, FILE_OR_S3)
    add_conditional_writes_option(parser)


def add_conditional_writes_option(parser: argparse.ArgumentParser) -> None:
    """Add how to write to the store; the result, `open_store`, opens it."""
    parser.add_argument(
        "--without-conditional-writes",
        dest="open_store",
        action="store_const",
        const=open_store_without_conditional_writes,
        default=open_writable_store,
        help="for a bucket that lacks conditional writes; then run only one publisher at a time",
    )


def add_rate_option(parser: argparse.ArgumentParser) -> None:
    """Add `--min-rate`, which becomes `retry_policy`."""
    parser.add_argument(
        "--min-rate",
        dest="retry_policy",
        type=_retry_policy,
        default=RetryPolicy(),
        metavar="KB",
        help=f"fail after {RetryPolicy().max_attempts} consecutive reads of {CHUNK >> 10} KiB that are slower than KB "
        f"kilobytes per second on one connection (default: {MIN_RATE / 1000:g}); the next run resumes",
    )


def _retry_policy(text: str) -> RetryPolicy:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a rate: give kilobytes per second, above 0")
    return RetryPolicy.for_min_rate(1000 * rate)
