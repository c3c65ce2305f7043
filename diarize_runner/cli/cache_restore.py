"""`diarize-runner cache restore`: bring a version onto this machine."""

import argparse
from pathlib import Path

from diarize_runner.cache.box.fetch import PublishedArchive
from diarize_runner.cache.box.folder import BoxFolder
from diarize_runner.cache.box.restore import RestorePlan, plan_restore, restore
from diarize_runner.cache.box.throughput import measure_throughput
from diarize_runner.cache.published.find import LATEST, VersionQuery
from diarize_runner.cli.output import Result, megabytes
from diarize_runner.cli.store_options import add_rate_option, add_store_option
from diarize_runner.progress import Progress
from diarize_runner.store.address import open_store
from diarize_runner.store.protocol import ArchiveStore
from diarize_runner.transcription.models import find_models


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `cache restore`."""
    add_store_option(parser)
    parser.add_argument("--version", default=LATEST, help=f"default: {LATEST}")
    parser.add_argument("--into", type=Path, required=True, metavar="DIR", help="the cache folder of this machine")
    parser.add_argument("--public-key", type=Path, metavar="FILE", help="accept only what this key signed")
    parser.add_argument(
        "--allow-older", action="store_true", help="accept a latest that is older than the last one restored"
    )
    add_rate_option(parser)
    parser.add_argument("--plan", action="store_true", help="print what would be downloaded; download nothing")


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Restore the version, or print the plan."""
    store, box = open_store(arguments.store, arguments.retry_policy), BoxFolder(root=arguments.into)
    seen_serial = None if arguments.allow_older else box.serial
    query = VersionQuery(version=arguments.version, public_key=arguments.public_key, seen_serial=seen_serial)
    if arguments.plan:
        return _planned(plan_restore(store, query, box, progress), store, box)
    restored = restore(store, query, box, progress)
    document = {**_document(restored.plan, box), "bytes_moved": restored.bytes_moved}
    moved = f"{megabytes(restored.bytes_moved)} moved"
    return Result(document=document, text=_text("restored", restored.plan, box, moved))


def _planned(plan: RestorePlan, store: ArchiveStore, box: BoxFolder) -> Result:
    document = _document(plan, box)
    how = f"{megabytes(plan.bytes_to_move)} to move, {megabytes(plan.bytes_to_write)} on disk"
    if plan.fetch:
        rate = measure_throughput(PublishedArchive(store=store, version=plan.manifest.version), plan.fetch)
        seconds = plan.bytes_to_move / rate
        document.update(bytes_per_second=round(rate), seconds=round(seconds, 1))
        how = f"{how}, about {seconds:.0f} s at {megabytes(rate)}/s"
    return Result(document=document, text=_text("would restore", plan, box, how))


def _document(plan: RestorePlan, box: BoxFolder) -> dict[str, object]:
    return {
        "changed": plan.changed,
        "name": plan.manifest.name,
        "version": plan.manifest.version,
        "serial": plan.published.serial,
        "manifest": str(plan.manifest.digest),
        "bytes_to_move": plan.bytes_to_move,
        "bytes_on_disk": plan.bytes_to_write,
        "transcription_models": [model.name for model in find_models(plan.manifest)],
        "cache": str(box.current),
    }


def _text(verb: str, plan: RestorePlan, box: BoxFolder, how: str) -> str:
    name = f"{plan.manifest.name} {plan.manifest.version}"
    if not plan.changed:
        return f"{box.root}: {name} is in place, unchanged"
    reused = f", {len(plan.reuse)} blobs were here already" if plan.reuse else ""
    return f"{box.root}: {verb} {name}, {how}{reused}"
