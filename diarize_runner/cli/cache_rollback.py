"""`diarize-runner cache rollback`: make `latest` name an older version again."""

import argparse

from diarize_runner.cache.documents.manifest import parse_version
from diarize_runner.cache.published.catalogue import rollback
from diarize_runner.cli.cache_publish import add_latest_options, latest_result, signing_key
from diarize_runner.cli.output import Result
from diarize_runner.progress import Progress


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `cache rollback`."""
    add_latest_options(parser)
    parser.add_argument("--to", metavar="VERSION", help="default: the version before the latest")


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Move `latest` back."""
    store = arguments.open_store(arguments.store)
    version = parse_version(arguments.to) if arguments.to else None
    return latest_result(store, rollback(store, version, signing_key(arguments)))
