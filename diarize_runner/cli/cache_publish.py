"""`diarize-runner cache publish`: put a built version into a store, and make it the latest."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.cache.published.latest import Latest
from diarize_runner.cache.published.publish import publish
from diarize_runner.cache.published.signature import read_private_key
from diarize_runner.cli.options import Commands, add_command
from diarize_runner.cli.output import Result
from diarize_runner.progress import Progress
from diarize_runner.store.address import open_store_without_conditional_writes, open_writable_store
from diarize_runner.store.protocol import ArchiveStore

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "publish", run, "put a built version into a store, and make it the latest")
    parser.add_argument("folder", type=Path, metavar="DIR", help="what cache build wrote")
    add_latest_options(parser)


def add_latest_options(parser: argparse.ArgumentParser) -> None:
    """Add `--store`, how to write to it, and the key that signs `latest`."""
    add_writable_store_options(parser)
    parser.add_argument("--sign", type=Path, metavar="KEY", help="sign latest with the private key of cache keygen")


def add_writable_store_options(parser: argparse.ArgumentParser) -> None:
    """Add `--store`, and how to write to it."""
    add_store_option(parser, required=True)
    add_conditional_writes_option(parser)


def add_store_option(parser: "argparse._ActionsContainer", *, required: bool = False) -> None:
    """Add `--store`, of a store that is written to."""
    parser.add_argument("--store", required=required, metavar="STORE", help="file:///folder or s3://bucket/prefix")


def add_conditional_writes_option(parser: argparse.ArgumentParser) -> None:
    """Add how to write to the store, and leave what opens it as `open_store`."""
    parser.add_argument(
        "--without-conditional-writes",
        dest="open_store",
        action="store_const",
        const=open_store_without_conditional_writes,
        default=open_writable_store,
        help="for a bucket that lacks them: only one may publish at a time, as nothing else keeps writers apart",
    )


def signing_key(arguments: argparse.Namespace) -> "Ed25519PrivateKey | None":
    """Return the key that `--sign` names; None without it."""
    return read_private_key(arguments.sign) if arguments.sign else None


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Publish, and say what latest is now."""
    store = arguments.open_store(arguments.store)
    return latest_result(store, publish(arguments.folder, store, progress, signing_key(arguments)))


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
        "signed": bool(pointer.signature),
    }
    state = "" if latest.changed else ", unchanged"
    return Result(document=document, text=f"{store.url}: latest is {pointer.version} (serial {pointer.serial}){state}")
