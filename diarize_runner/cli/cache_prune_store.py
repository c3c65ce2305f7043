"""`diarize-runner cache prune --store`: delete old versions from a store."""

import argparse

from diarize_runner.cache.published.catalogue import PrunePlan, plan_prune, prune
from diarize_runner.cli.cache_prune import KEPT
from diarize_runner.cli.output import Result
from diarize_runner.errors import UsageError
from diarize_runner.store.protocol import ArchiveStore


def run(arguments: argparse.Namespace) -> Result:
    """Delete old versions, or print the plan."""
    if arguments.after:
        raise UsageError("--after requires --into", hint="add --into DIR, or use --keep N to prune a store")
    keep = KEPT if arguments.keep is None else arguments.keep
    if keep < 1:
        raise UsageError("--keep must be 1 or more", hint="to delete all versions, delete the store by hand")
    store = arguments.open_store(arguments.store)
    plan = plan_prune(store, keep)
    if not arguments.plan:
        plan = prune(store, plan)
    return _result("would remove" if arguments.plan else "removed", plan, store)


def _result(verb: str, plan: PrunePlan, store: ArchiveStore) -> Result:
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
