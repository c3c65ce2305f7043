"""`diarize-runner cache prune`: take old versions out of a store."""

import argparse

from diarize_runner.cache.published.catalogue import plan_prune, prune
from diarize_runner.cli.cache_publish import add_writable_store_options
from diarize_runner.cli.options import Commands, add_command
from diarize_runner.cli.output import Result
from diarize_runner.errors import UsageError
from diarize_runner.progress import Progress


def add_parser(commands: Commands) -> None:
    """Add the command."""
    description = (
        "delete all but the newest versions, the latest, and the one a rollback would go back to; "
        "and every wheel that none of them refers to"
    )
    parser = add_command(commands, "prune", run, description)
    add_writable_store_options(parser)
    parser.add_argument("--keep", type=int, default=3, metavar="N", help="how many of the newest to keep (default: 3)")
    parser.add_argument("--plan", action="store_true", help="say what would go, and delete nothing")


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Prune, or say what it would delete."""
    if arguments.keep < 1:
        raise UsageError("--keep must be 1 or more", hint="delete the whole store by hand if you mean that")
    store = arguments.open_store(arguments.store)
    plan = plan_prune(store, arguments.keep)
    if not arguments.plan:
        plan = prune(store, plan)
    verb = "would remove" if arguments.plan else "removed"
    document: dict[str, object] = {
        "changed": bool(plan.remove or plan.wheels),
        "keep": list(plan.keep),
        "remove": list(plan.remove),
        "wheels": list(plan.wheels),
    }
    kept, gone = ", ".join(plan.keep) or "nothing", ", ".join(plan.remove) or "nothing"
    wheels = (f"  {key}" for key in plan.wheels)
    count = f" and {len(plan.wheels)} wheels" if plan.wheels else ""
    return Result(document=document, text=(f"{store.url}: {verb} {gone}{count}; kept {kept}", *wheels))
