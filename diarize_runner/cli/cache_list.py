"""`diarize-runner cache list`: list the versions in a store."""

import argparse
from typing import TYPE_CHECKING

from diarize_runner.cache.published.catalogue import ListedVersion, list_versions
from diarize_runner.cli.output import Result, megabytes
from diarize_runner.cli.store_options import FILE_OR_S3, add_store_option
from diarize_runner.progress import Progress
from diarize_runner.store.address import open_store

if TYPE_CHECKING:
    from rich.table import Table


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `cache list`."""
    add_store_option(parser, FILE_OR_S3)


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """List the versions."""
    store = open_store(arguments.store)
    versions = list_versions(store)
    nothing = f"{store.url}: nothing is published there"
    document = {"versions": [_document(listed) for listed in versions]}
    return Result(document=document, text=_table(versions) if versions else nothing)


def _document(listed: ListedVersion) -> dict[str, object]:
    manifest = listed.manifest
    return {
        "version": manifest.version,
        "name": manifest.name,
        "latest": listed.is_latest,
        "bytes": manifest.archive.file.content.size,
        "manifest": str(manifest.digest),
    }


def _table(versions: tuple[ListedVersion, ...]) -> "Table":
    from rich.table import Table

    table = Table("version", "name", "archive", "manifest", "")
    for listed in versions:
        manifest, mark = listed.manifest, "latest" if listed.is_latest else ""
        size = megabytes(manifest.archive.file.content.size)
        table.add_row(manifest.version, manifest.name, size, manifest.digest.hex[:12], mark)
    return table
