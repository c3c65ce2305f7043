"""`diarize-runner benchmark project`: project the time for an hour of audio on a T4 from a CPU's report."""

import argparse
from dataclasses import asdict
from pathlib import Path

from diarize_runner.benchmark.formats.projection import projection_paragraph
from diarize_runner.benchmark.projection import project_to_t4
from diarize_runner.benchmark.reading import read_report
from diarize_runner.cli.output import Result
from diarize_runner.progress import Progress


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `benchmark project`."""
    parser.add_argument(
        "report", type=Path, metavar="REPORT.json", help="a benchmark of the fast or the exact engine on a CPU"
    )


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Project from a report."""
    report = read_report(arguments.report)
    projection = project_to_t4(report)
    document = {
        "measured": False,
        "engine": projection.measured.engine,
        "gpu": "T4",
        "audio_seconds": 3600,
        "embedding_seconds": asdict(projection.embedding),
        "segmentation_seconds": asdict(projection.segmentation),
        "cpu_seconds": projection.cpu_seconds,
        "seconds": asdict(projection.total),
        "times_real_time": dict(zip(("least", "most"), projection.times_real_time, strict=True)),
    }
    return Result(document=document, text=projection_paragraph(report).replace("**", ""))
