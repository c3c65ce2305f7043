"""`diarize-runner benchmark`: how fast, and how right."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.benchmark.environment import environment
from diarize_runner.benchmark.report import BenchmarkReport, Measurement
from diarize_runner.benchmark.workload import WorkItem, shipped_sample
from diarize_runner.cache import documents
from diarize_runner.cli.labelled import require_writable
from diarize_runner.cli.options import (
    Commands,
    add_cache_option,
    add_command,
    add_device_option,
    add_engine_option,
    verified_cache,
)
from diarize_runner.cli.output import Result
from diarize_runner.disk import disk_errors, write_atomically
from diarize_runner.errors import UsageError
from diarize_runner.progress import Progress

if TYPE_CHECKING:
    from rich.table import Table


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "benchmark", run, "measure the realtime factor, and DER where a reference is known")
    parser.add_argument(
        "audio", type=Path, nargs="?", metavar="AUDIO", help="default: pyannote.audio's own 30 s sample"
    )
    parser.add_argument("--reference", type=Path, metavar="RTTM", help="who really spoke when in AUDIO")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="calls on the clock (default: 3)")
    parser.add_argument("--warmups", type=int, default=1, metavar="N", help="calls before those (default: 1)")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the report as JSON")
    add_device_option(parser)
    add_engine_option(parser)
    add_cache_option(parser)


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Load once, measure, report."""
    from diarize_runner.benchmark.run import measure
    from diarize_runner.diarization.engine import load

    if arguments.repeats < 1 or arguments.warmups < 0:
        raise UsageError("--repeats must be 1 or more, --warmups 0 or more")
    if arguments.reference and not arguments.audio:
        raise UsageError(
            "--reference is of no recording", hint="name the recording too: benchmark AUDIO --reference RTTM"
        )
    if arguments.output:
        require_writable(arguments.output)
    item = WorkItem(audio=arguments.audio, reference=arguments.reference) if arguments.audio else shipped_sample()
    cache = verified_cache(arguments.cache, progress)
    diarizer = load(cache, arguments.device, arguments.engine)
    measurement = measure(item, diarizer, warmups=arguments.warmups, repeats=arguments.repeats, progress=progress)
    report = BenchmarkReport(
        environment=environment(diarizer.device),
        cache=f"{cache.manifest.name} {cache.manifest.version} {cache.manifest.digest}",
        engine=diarizer.engine,
        measurements=(measurement,),
    )
    if arguments.output:
        with disk_errors(arguments.output):
            write_atomically(arguments.output, documents.serialise(report.to_dict()))
    return Result(document=report.to_dict(), text=_table(report))


def _table(report: BenchmarkReport) -> "Table":
    from rich.table import Table

    host = report.environment
    table = Table(
        title=f"{host.device}: {host.cpu}, {host.threads} threads, {report.engine} engine", title_justify="left"
    )
    for heading in ("recording", "audio", "processing (median)", "RTF", "speakers", "DER"):
        table.add_column(heading, justify="left" if heading == "recording" else "right")
    for measurement in report.measurements:
        table.add_row(*_row(measurement))
    return table


def _row(measurement: Measurement) -> tuple[str, ...]:
    score = measurement.score
    return (
        measurement.uri,
        f"{measurement.audio_seconds:.1f} s",
        f"{measurement.median_seconds:.2f} s",
        f"{measurement.real_time_factor:.3f}",
        f"{measurement.speakers} of {score.speakers}" if score else str(measurement.speakers),
        f"{100 * score.der:.1f} %" if score else "no reference",
    )
