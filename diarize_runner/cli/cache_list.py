"""`diarize-runner cache list`: what a store holds."""

import argparse
from typing import TYPE_CHECKING

from diarize_runner.cache.published.catalogue import Listed, list_versions
from diarize_runner.cli.options import Commands, add_command
from diarize_runner.cli.output import Result, megabytes
from diarize_runner.progress import Progress
from diarize_runner.store.address import open_store

if TYPE_CHECKING:
    from rich.table import Table


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "list", run, "list the published versions, newest first")
    parser.add_argument("--store", required=True, metavar="STORE", help="file:///folder or s3://bucket/prefix")


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """List."""
    store = open_store(arguments.store)
    versions = list_versions(store)
    nothing = f"{store.url}: nothing is published there"
    document = {"versions": [_document(listed) for listed in versions]}
    return Result(document=document, text=_table(versions) if versions else nothing)


def _document(listed: Listed) -> dict[str, object]:
    manifest = listed.manifest
    return {
        "version": manifest.version,
        "name": manifest.name,
        "latest": listed.is_latest,
        "bytes": manifest.archive.file.content.size,
        "manifest": str(manifest.digest),
    }


def _table(versions: tuple[Listed, ...]) -> "Table":
    from rich.table import Table

    table = Table("version", "name", "archive", "manifest", "")
    for listed in versions:
        manifest, mark = listed.manifest, "latest" if listed.is_latest else ""
        size = megabytes(manifest.archive.file.content.size)
        table.add_row(manifest.version, manifest.name, size, manifest.digest.hex[:12], mark)
    return table
