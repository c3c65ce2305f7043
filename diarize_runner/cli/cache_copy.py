"""`diarize-runner cache copy`: copy a version from one store to another."""

import argparse
from pathlib import Path

from diarize_runner.cache.documents.manifest import parse_version
from diarize_runner.cache.published.copy_version import CopiedVersion, copy_version
from diarize_runner.cache.published.find import LATEST, VersionQuery
from diarize_runner.cache.published.latest import Latest, copy_latest
from diarize_runner.cli.output import Result, megabytes
from diarize_runner.cli.store_options import FILE_OR_S3, add_conditional_writes_option, add_rate_option
from diarize_runner.progress import Progress
from diarize_runner.store.address import ADDRESSES, open_store
from diarize_runner.store.protocol import ArchiveStore, WritableArchiveStore


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `cache copy`."""
    parser.add_argument("source", metavar="FROM_STORE", help=ADDRESSES)
    parser.add_argument("target", metavar="TO_STORE", help=FILE_OR_S3)
    parser.add_argument("--version", default=LATEST, help=f"default: {LATEST}")
    parser.add_argument("--public-key", type=Path, metavar="FILE", help="copy only what this key signed")
    add_conditional_writes_option(parser)
    add_rate_option(parser)


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Copy the version, then `latest` if it names that version."""
    version = arguments.version if arguments.version == LATEST else parse_version(arguments.version)
    source, target = open_store(arguments.source, arguments.retry_policy), arguments.open_store(arguments.target)
    query = VersionQuery(version=version, public_key=arguments.public_key)
    copied = copy_version(source, target, query, progress)
    latest = copy_latest(source, target, copied.manifest.version, arguments.public_key)
    return _result(source, target, copied, latest)


def _result(source: ArchiveStore, target: WritableArchiveStore, copied: CopiedVersion, latest: Latest | None) -> Result:
    manifest, size = copied.manifest, sum(content.size for content in copied.moved)
    document = {
        "changed": copied.changed or (latest is not None and latest.changed),
        "from": source.url,
        "to": target.url,
        "name": manifest.name,
        "version": manifest.version,
        "manifest": str(manifest.digest),
        "objects": copied.objects,
        "objects_moved": len(copied.moved),
        "bytes_moved": size,
        "latest": latest is not None,
    }
    moved = f"{len(copied.moved)} of {copied.objects} objects copied, {megabytes(size)}"
    pointer = f"latest is {manifest.version} (serial {latest.pointer.serial})" if latest else "latest does not change"
    return Result(document=document, text=f"{target.url}: {manifest.name} {manifest.version}, {moved}; {pointer}")
