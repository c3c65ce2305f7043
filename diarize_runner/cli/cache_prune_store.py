"""`diarize-runner cache prune --store`: delete old versions from a store."""

import argparse

from diarize_runner.cache.published.catalogue import PrunePlan, plan_prune, prune
from diarize_runner.cache.published.shared_files import WHEELS_FOLDER
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
    wheels = [key for key in plan.shared if key.startswith(f"{WHEELS_FOLDER}/")]
    images = [key for key in plan.shared if key not in wheels]
    document: dict[str, object] = {
        "changed": bool(plan.remove or plan.shared),
        "keep": list(plan.keep),
        "remove": list(plan.remove),
        "wheels": wheels,
        "images": images,
    }
    kept, gone = ", ".join(plan.keep) or "nothing", ", ".join(plan.remove) or "nothing"
    named = {"wheels": wheels, "images": images}
    counts = "".join(f" and {len(keys)} {name}" for name, keys in named.items() if keys)
    listed = (f"  {key}" for key in plan.shared)
    return Result(document=document, text=(f"{store.url}: {verb} {gone}{counts}; kept {kept}", *listed))
