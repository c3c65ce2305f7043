"""`diarize-runner cache prune`: take old versions out of a store, or off this machine."""

import argparse
from pathlib import Path

from diarize_runner.cli.options import Commands, add_command
from diarize_runner.cli.output import Result
from diarize_runner.cli.store_options import add_conditional_writes_option, add_store_option
from diarize_runner.progress import Progress

KEPT = 3
"""Versions, in a store."""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    description = (
        "of a store, delete all versions but the newest, the latest, and the one a rollback would go back to, and "
        "every wheel that none of them refers to; of a box, all but the one in use, and the one to switch back to"
    )
    parser = add_command(commands, "prune", run, description)
    where = parser.add_mutually_exclusive_group(required=True)
    add_store_option(where)
    where.add_argument("--into", type=Path, metavar="DIR", help="a box's cache folder")
    add_conditional_writes_option(parser)
    kept = f"with --store: how many of the newest to keep (default: {KEPT})"
    parser.add_argument("--keep", type=int, metavar="N", help=kept)
    parser.add_argument("--plan", action="store_true", help="say what would go, and delete nothing")
    after = "with --into and --plan: once this version is in use; its manifest's, as cache restore --json says it"
    parser.add_argument("--after", metavar="DIGEST", help=after)


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Prune, or say what would go."""
    if arguments.into:
        from diarize_runner.cli import cache_prune_box

        return cache_prune_box.run(arguments)
    from diarize_runner.cli import cache_prune_store  # which needs what a box may lack: packaging

    return cache_prune_store.run(arguments)
