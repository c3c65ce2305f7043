"""Options that say which store is written to, and how."""

import argparse

from diarize_runner.store.address import open_store_without_conditional_writes, open_writable_store


def add_writable_store_options(parser: argparse.ArgumentParser) -> None:
    """Add `--store`, and how to write to it."""
    add_store_option(parser, required=True)
    add_conditional_writes_option(parser)


def add_store_option(parser: "argparse._ActionsContainer", *, required: bool = False) -> None:
    """Add `--store`, of a store that is written to."""
    parser.add_argument("--store", required=required, metavar="STORE", help="file:///folder or s3://bucket/prefix")


def add_conditional_writes_option(parser: argparse.ArgumentParser) -> None:
    """Add how to write to the store, and leave what opens it as `open_store`."""
    parser.add_argument(
        "--without-conditional-writes",
        dest="open_store",
        action="store_const",
        const=open_store_without_conditional_writes,
        default=open_writable_store,
        help="for a bucket that lacks them: only one may publish at a time, as nothing else keeps writers apart",
    )
