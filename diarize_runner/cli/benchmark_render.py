"""`diarize-runner benchmark render`: a report in other formats, or its table in a README."""

import argparse
from pathlib import Path

from diarize_runner.benchmark.reading import read_report
from diarize_runner.cli.benchmark_reports import add_report_options, requested_reports, write_reports
from diarize_runner.cli.benchmark_text import summary
from diarize_runner.cli.options import Commands, add_command
from diarize_runner.cli.output import Result
from diarize_runner.progress import Progress


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "render", run, "write a report in other formats; of an old format, in today's")
    parser.add_argument("report", type=Path, metavar="REPORT.json")
    add_report_options(parser)


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Read, write."""
    report = read_report(arguments.report)
    write_reports(report, requested_reports(arguments))
    return Result(document=report.to_dict(), text=summary(report))
