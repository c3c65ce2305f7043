"""`diarize-runner cache tidy`: take old versions off this machine."""

import argparse
from pathlib import Path

from diarize_runner.cache.box.folder import BoxFolder, digest_of
from diarize_runner.cache.box.tidy import TidyPlan, plan_tidy, tidy
from diarize_runner.cli.options import Commands, add_command, manifest_digest
from diarize_runner.cli.output import Result, megabytes
from diarize_runner.errors import UsageError
from diarize_runner.progress import Progress


def add_parser(commands: Commands) -> None:
    """Add the command."""
    description = "take off this machine all versions but the one in use, and the one that a switch goes back to"
    parser = add_command(commands, "tidy", run, description)
    parser.add_argument("--into", type=Path, required=True, metavar="DIR", help="the box's cache folder")
    parser.add_argument("--plan", action="store_true", help="say what would go, and take nothing away")
    described = "with --plan: once this version is in use; its manifest's, as cache restore --json says it"
    parser.add_argument("--after", metavar="DIGEST", help=described)


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Tidy, or say what would go."""
    if arguments.after and not arguments.plan:
        raise UsageError("--after goes with --plan", hint="restore or switch to that version first, then tidy")
    box = BoxFolder(root=arguments.into)
    if arguments.plan:
        after = manifest_digest("--after", arguments.after) if arguments.after else None
        return _result("would remove", plan_tidy(box, after), box)
    return _result("removed", tidy(box), box)


def _result(verb: str, plan: TidyPlan, box: BoxFolder) -> Result:
    digests = list(dict.fromkeys(str(digest_of(folder)) for folder in plan.remove))
    document = {"changed": bool(plan.remove), "remove": digests, "bytes_freed": plan.bytes_freed}
    if not digests:
        return Result(document=document, text=f"{box.root}: no old versions, unchanged")
    removed = f"{box.root}: {verb} old versions, {megabytes(plan.bytes_freed)} of disk"
    return Result(document=document, text=(removed, *(f"  {digest}" for digest in digests)))
