"""`diarize-runner benchmark publish`: publish a report to a store, for `benchmark history`."""

import argparse
import platform
from pathlib import Path

from diarize_runner.benchmark.published import publish_report
from diarize_runner.cli.output import Result
from diarize_runner.cli.store_options import add_writable_store_options
from diarize_runner.progress import Progress


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `benchmark publish`."""
    parser.add_argument("report", type=Path, metavar="REPORT.json")
    parser.add_argument("--host", default=platform.node(), metavar="NAME", help="the measured host (default: this one)")
    add_writable_store_options(parser)


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Publish a report, and print its address."""
    store = arguments.open_store(arguments.store)
    published = publish_report(arguments.report, arguments.host, store)
    document = {"changed": published.changed, "store": store.url, "key": published.key}
    state = "" if published.changed else ", unchanged"
    return Result(document=document, text=f"{store.url}/{published.key}{state}")
