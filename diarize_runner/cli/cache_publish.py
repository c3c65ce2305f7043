"""`diarize-runner cache publish`: upload a build to a store and make it the latest."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.cache.published.latest import Latest
from diarize_runner.cache.published.publish import publish
from diarize_runner.cache.published.signature import read_private_key
from diarize_runner.cli.output import Result
from diarize_runner.cli.store_options import add_writable_store_options
from diarize_runner.progress import Progress
from diarize_runner.store.protocol import ArchiveStore

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `cache publish`."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder that cache build wrote")
    add_latest_options(parser)


def add_latest_options(parser: argparse.ArgumentParser) -> None:
    """Add the store, how to write to it, and the key that signs `latest`."""
    add_writable_store_options(parser)
    parser.add_argument("--sign", type=Path, metavar="KEY", help="sign latest with this private key")


def signing_key(arguments: argparse.Namespace) -> "Ed25519PrivateKey | None":
    """Return the key that `--sign` names; None without it."""
    return read_private_key(arguments.sign) if arguments.sign else None


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Publish the build."""
    store = arguments.open_store(arguments.store)
    return latest_result(store, publish(arguments.folder, store, progress, signing_key(arguments)))


def latest_result(store: ArchiveStore, latest: Latest) -> Result:
    """Return the result of a command that may move `latest`."""
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
