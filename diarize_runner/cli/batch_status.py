"""`diarize-runner batch status`: what is done, failed and left of a batch."""

import argparse
from pathlib import Path

from diarize_runner.batch import status_page
from diarize_runner.batch.source import address_of
from diarize_runner.batch.status import read_status
from diarize_runner.batch.status_text import lines
from diarize_runner.cli.output import Result
from diarize_runner.jobs.output_file import require_writable, write_output
from diarize_runner.progress import Progress
from diarize_runner.store.address import open_listable_store


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `batch status`."""
    parser.add_argument("output", metavar="OUTPUT", help="the folder or s3://bucket/prefix with the results")
    described = "price of one worker for an hour, such as 0.526 for a g4dn.xlarge: adds the cost so far"
    parser.add_argument("--price", type=_price, metavar="AMOUNT", help=described)
    parser.add_argument("--output-html", type=Path, metavar="FILE", help="write one page with the same figures")


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Read OUTPUT, and list INPUT to count what is left."""
    if arguments.output_html:
        require_writable(arguments.output_html)
    address = address_of(arguments.output)
    statuses = read_status(open_listable_store(address), progress)
    if arguments.output_html:
        write_output(arguments.output_html, status_page.render(address, statuses, arguments.price).encode())
    text = tuple(line for status in statuses for line in lines(status, arguments.price))
    return Result(document={"batches": [status.to_dict() for status in statuses]}, text=text)


def _price(text: str) -> float:
    try:
        price = float(text)
    except ValueError:
        price = -1.0
    if not 0 <= price < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a price")
    return price
