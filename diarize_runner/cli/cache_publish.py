"""`diarize-runner cache publish`: put a built version into a store, and make it the latest."""

import argparse
from pathlib import Path

from diarize_runner.cache.latest import Latest
from diarize_runner.cache.publish import publish
from diarize_runner.cache.store import ArchiveStore
from diarize_runner.cache.stores import open_store_without_conditional_writes, open_writable_store
from diarize_runner.cli.options import Commands, add_command
from diarize_runner.cli.output import Result
from diarize_runner.progress import Progress


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "publish", run, "put a built version into a store, and make it the latest")
    parser.add_argument("folder", type=Path, metavar="DIR", help="what cache build wrote")
    add_writable_store_options(parser)


def add_writable_store_options(parser: argparse.ArgumentParser) -> None:
    """Add `--store`, and how to write to it."""
    parser.add_argument("--store", required=True, metavar="STORE", help="file:///folder or s3://bucket/prefix")
    parser.add_argument(
        "--without-conditional-writes",
        dest="open_store",
        action="store_const",
        const=open_store_without_conditional_writes,
        default=open_writable_store,
        help="for a bucket that lacks them: only one may publish at a time, as nothing else keeps writers apart",
    )


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Publish, and say what latest is now."""
    store = arguments.open_store(arguments.store)
    return latest_result(store, publish(arguments.folder, store, progress))


def latest_result(store: ArchiveStore, latest: Latest) -> Result:
    """Return what is said of a `latest` that may have moved."""
    pointer = latest.pointer
    document: dict[str, object] = {
        "changed": latest.changed,
        "store": store.url,
        "version": pointer.version,
        "previous": pointer.previous,
        "serial": pointer.serial,
        "manifest": str(pointer.manifest.content.digest),
    }
    state = "" if latest.changed else ", unchanged"
    return Result(document=document, text=f"{store.url}: latest is {pointer.version} (serial {pointer.serial}){state}")
