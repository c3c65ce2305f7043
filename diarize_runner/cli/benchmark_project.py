"""`diarize-runner benchmark project`: what an hour of audio would take on a T4, where none was measured."""

import argparse
from dataclasses import asdict
from pathlib import Path

from diarize_runner.benchmark.formats.projected import paragraph
from diarize_runner.benchmark.projection import project_to_t4
from diarize_runner.benchmark.reading import read_report
from diarize_runner.cli.options import Commands, add_command
from diarize_runner.cli.output import Result
from diarize_runner.progress import Progress


def add_parser(commands: Commands) -> None:
    """Add the command."""
    described = "project, from what a CPU was measured to do, how long a T4 would take for an hour of audio"
    parser = add_command(commands, "project", run, described)
    parser.add_argument("report", type=Path, metavar="REPORT.json", help="of the exact engine on a CPU")


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Project."""
    report = read_report(arguments.report)
    found = project_to_t4(report)
    document = {
        "measured": False,
        "gpu": "T4",
        "audio_seconds": 3600,
        "embedding_seconds": asdict(found.embedding),
        "segmentation_seconds": asdict(found.segmentation),
        "cpu_seconds": found.on_the_cpu,
        "seconds": asdict(found.total),
    }
    return Result(document=document, text=paragraph(report).replace("**", ""))
