"""`diarize-runner cache prune`: take old versions out of a store."""

import argparse

from diarize_runner.cache.catalogue import plan_prune, prune
from diarize_runner.cache.stores import open_writable_store
from diarize_runner.cli.options import Commands, add_command
from diarize_runner.cli.output import Result
from diarize_runner.errors import UsageError
from diarize_runner.progress import Progress


def add_parser(commands: Commands) -> None:
    """Add the command."""
    description = "delete all but the newest versions, the latest, and the one a rollback would go back to"
    parser = add_command(commands, "prune", run, description)
    parser.add_argument("--store", required=True, metavar="STORE", help="file:///folder or s3://bucket/prefix")
    parser.add_argument("--keep", type=int, default=3, metavar="N", help="how many of the newest to keep (default: 3)")
    parser.add_argument("--plan", action="store_true", help="say what would go, and delete nothing")


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Prune, or say what it would delete."""
    if arguments.keep < 1:
        raise UsageError("--keep must be 1 or more", hint="delete the whole store by hand if you mean that")
    store = open_writable_store(arguments.store)
    plan = plan_prune(store, arguments.keep)
    if not arguments.plan:
        prune(store, plan)
    verb = "would remove" if arguments.plan else "removed"
    kept, gone = ", ".join(plan.keep) or "nothing", ", ".join(plan.remove) or "nothing"
    document: dict[str, object] = {"changed": bool(plan.remove), "keep": list(plan.keep), "remove": list(plan.remove)}
    return Result(document=document, text=f"{store.url}: {verb} {gone}; kept {kept}")
