"""`diarize-runner cache prune`: delete old versions from a store or from this machine."""

import argparse
from pathlib import Path

from diarize_runner.cli.output import Result
from diarize_runner.cli.store_options import FILE_OR_S3, add_conditional_writes_option
from diarize_runner.progress import Progress

KEPT = 3
"""Versions, in a store."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `cache prune`."""
    where = parser.add_mutually_exclusive_group(required=True)
    # Deleting is explicit: $DIARIZE_RUNNER_STORE is no default here.
    where.add_argument("--store", metavar="STORE", help=FILE_OR_S3)
    where.add_argument("--into", type=Path, metavar="DIR", help="the cache folder of this machine")
    add_conditional_writes_option(parser)
    kept = f"with --store: keep the N newest versions (default: {KEPT})"
    parser.add_argument("--keep", type=int, metavar="N", help=kept)
    parser.add_argument("--plan", action="store_true", help="print what would be deleted; delete nothing")
    after = (
        "with --into and --plan: plan as if this version were current; its manifest digest from cache restore --json"
    )
    parser.add_argument("--after", metavar="DIGEST", help=after)


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Delete old versions, or print the plan."""
    if arguments.into:
        from diarize_runner.cli import cache_prune_box

        return cache_prune_box.run(arguments)
    from diarize_runner.cli import cache_prune_store

    return cache_prune_store.run(arguments)
