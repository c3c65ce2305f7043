"""`diarize-runner cache prune --into`: delete old versions from this machine."""

import argparse

from diarize_runner.cache.box.folder import BoxFolder, manifest_digest_of
from diarize_runner.cache.box.prune import BoxPrunePlan, plan_box_prune, prune_box
from diarize_runner.cli.options import manifest_digest
from diarize_runner.cli.output import Result, megabytes
from diarize_runner.errors import UsageError
from diarize_runner.store.address import open_store_without_conditional_writes


def run(arguments: argparse.Namespace) -> Result:
    """Delete old versions, or print the plan."""
    if arguments.keep is not None or arguments.open_store is open_store_without_conditional_writes:
        hint = "a machine always keeps the current and the previous version"
        raise UsageError("--keep and --without-conditional-writes require --store", hint=hint)
    if arguments.after and not arguments.plan:
        raise UsageError("--after requires --plan", hint="restore or switch to that version first, then prune")
    box = BoxFolder(root=arguments.into)
    if arguments.plan:
        after = manifest_digest("--after", arguments.after) if arguments.after else None
        return _result("would remove", plan_box_prune(box, after), box)
    return _result("removed", prune_box(box), box)


def _result(verb: str, plan: BoxPrunePlan, box: BoxFolder) -> Result:
    digests = list(dict.fromkeys(str(manifest_digest_of(folder)) for folder in plan.remove))
    document = {"changed": bool(plan.remove), "remove": digests, "bytes_freed": plan.bytes_freed}
    if not digests:
        return Result(document=document, text=f"{box.root}: no old versions, unchanged")
    removed = f"{box.root}: {verb} old versions, {megabytes(plan.bytes_freed)} of disk"
    return Result(document=document, text=(removed, *(f"  {digest}" for digest in digests)))
