"""`diarize-runner benchmark render`: write a report in other formats."""

import argparse
from pathlib import Path

from diarize_runner.benchmark.reading import read_report
from diarize_runner.cli.benchmark_reports import add_report_options, requested_reports, write_reports
from diarize_runner.cli.benchmark_text import summary
from diarize_runner.cli.output import Result
from diarize_runner.progress import Progress


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `benchmark render`."""
    parser.add_argument("report", type=Path, metavar="REPORT.json")
    add_report_options(parser)


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Read a report, and write it in each requested format."""
    report = read_report(arguments.report)
    write_reports(report, requested_reports(arguments))
    return Result(document=report.to_dict(), text=summary(report))
