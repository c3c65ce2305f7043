"""`diarize-runner cache prune`: take old versions out of a store, or off this machine."""

import argparse
from pathlib import Path

from diarize_runner.cache.box.folder import BoxFolder, digest_of
from diarize_runner.cache.box.prune import BoxPrunePlan, plan_box_prune, prune_box
from diarize_runner.cache.published.catalogue import PrunePlan, plan_prune, prune
from diarize_runner.cli.cache_publish import add_conditional_writes_option, add_store_option
from diarize_runner.cli.options import Commands, add_command, manifest_digest
from diarize_runner.cli.output import Result, megabytes
from diarize_runner.errors import UsageError
from diarize_runner.progress import Progress
from diarize_runner.store.address import open_store_without_conditional_writes
from diarize_runner.store.protocol import ArchiveStore

_KEPT = 3
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
    kept = f"with --store: how many of the newest to keep (default: {_KEPT})"
    parser.add_argument("--keep", type=int, metavar="N", help=kept)
    parser.add_argument("--plan", action="store_true", help="say what would go, and delete nothing")
    after = "with --into and --plan: once this version is in use; its manifest's, as cache restore --json says it"
    parser.add_argument("--after", metavar="DIGEST", help=after)


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Prune, or say what would go."""
    return _run_on_box(arguments) if arguments.into else _run_on_store(arguments)


def _run_on_store(arguments: argparse.Namespace) -> Result:
    if arguments.after:
        raise UsageError("--after goes with --into", hint="a store keeps the newest versions: --keep N")
    keep = _KEPT if arguments.keep is None else arguments.keep
    if keep < 1:
        raise UsageError("--keep must be 1 or more", hint="delete the whole store by hand if you mean that")
    store = arguments.open_store(arguments.store)
    plan = plan_prune(store, keep)
    if not arguments.plan:
        plan = prune(store, plan)
    return _of_store("would remove" if arguments.plan else "removed", plan, store)


def _of_store(verb: str, plan: PrunePlan, store: ArchiveStore) -> Result:
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


def _run_on_box(arguments: argparse.Namespace) -> Result:
    if arguments.keep is not None or arguments.open_store is open_store_without_conditional_writes:
        hint = "a box keeps the version in use and the one before"
        raise UsageError("--keep and --without-conditional-writes go with --store", hint=hint)
    if arguments.after and not arguments.plan:
        raise UsageError("--after goes with --plan", hint="restore or switch to that version first, then prune")
    box = BoxFolder(root=arguments.into)
    if arguments.plan:
        after = manifest_digest("--after", arguments.after) if arguments.after else None
        return _of_box("would remove", plan_box_prune(box, after), box)
    return _of_box("removed", prune_box(box), box)


def _of_box(verb: str, plan: BoxPrunePlan, box: BoxFolder) -> Result:
    digests = list(dict.fromkeys(str(digest_of(folder)) for folder in plan.remove))
    document = {"changed": bool(plan.remove), "remove": digests, "bytes_freed": plan.bytes_freed}
    if not digests:
        return Result(document=document, text=f"{box.root}: no old versions, unchanged")
    removed = f"{box.root}: {verb} old versions, {megabytes(plan.bytes_freed)} of disk"
    return Result(document=document, text=(removed, *(f"  {digest}" for digest in digests)))
