"""`diarize-runner benchmark`, or `benchmark run`: how fast, and how right."""

import argparse
import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.benchmark.report import BenchmarkReport, Price
from diarize_runner.cli.benchmark_reports import add_report_options, requested_reports, write_reports
from diarize_runner.cli.benchmark_text import summary
from diarize_runner.cli.options import Commands, add_cache_option, add_command, add_device_option, add_engine_option
from diarize_runner.cli.output import Result
from diarize_runner.diarization.engines import STOCK
from diarize_runner.errors import UsageError
from diarize_runner.progress import Progress

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from diarize_runner.benchmark.subject import Runner
    from diarize_runner.benchmark.workload import Workload

_DEFAULT = "default"


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "run", run, "measure the realtime factor, and DER where a reference is known")
    parser.add_argument("audio", type=Path, nargs="?", metavar="AUDIO", help="default: what --workload names")
    parser.add_argument("--reference", type=Path, metavar="RTTM", help="who really spoke when in AUDIO")
    described = f"a workload file, or the name of one that ships with the package (default: {_DEFAULT})"
    parser.add_argument("--workload", metavar="FILE", help=described)
    parser.add_argument("--against", choices=(STOCK,), help="measure pyannote's own engine too, by turns")
    parser.add_argument("--repeats", type=int, metavar="N", help="calls on the clock (default: the workload's, or 3)")
    parser.add_argument("--warmups", type=int, metavar="N", help="calls before those (default: the workload's, or 1)")
    parser.add_argument("--starts", type=int, metavar="N", help="new processes for what is cold (default: 1)")
    parser.add_argument(
        "--price", type=float, metavar="USD", help="of a box like this one for an hour: cost is reported"
    )
    described = "ask EC2's instance metadata service what kind of instance this is; else nothing is asked"
    parser.add_argument("--ask-instance", action="store_true", help=described)
    add_report_options(parser)
    add_device_option(parser)
    add_engine_option(parser)
    add_cache_option(parser)
    parser.set_defaults(device=None, engine=None)  # as the workload says


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Compose what is to be composed, measure, report."""
    from diarize_runner.benchmark.run import measure

    outputs = requested_reports(arguments)
    workload = _workload(arguments)
    with tempfile.TemporaryDirectory(prefix="diarize-runner-benchmark-") as folder:
        report = measure(
            workload, workload.items(Path(folder)), lambda *subject: _launch(arguments, *subject), progress
        )
    report = _completed(report, arguments)
    write_reports(report, outputs)
    return Result(document=report.to_dict(), text=summary(report))


def _launch(arguments: argparse.Namespace, engine: str, device: str) -> "AbstractContextManager[Runner]":
    from diarize_runner.benchmark.process import started
    from diarize_runner.benchmark.worker import Assignment

    return started(Assignment(cache=arguments.cache, device=device, engine=engine))


def _workload(arguments: argparse.Namespace) -> "Workload":
    """Return the workload that was named, or one of AUDIO alone, changed by what else was said."""
    from diarize_runner.benchmark.item import WorkItem
    from diarize_runner.benchmark.workload import Workload, read_workload

    if arguments.reference and not arguments.audio:
        hint = "name the recording too: benchmark AUDIO --reference RTTM"
        raise UsageError("--reference is of no recording", hint=hint)
    if arguments.audio and arguments.workload:
        raise UsageError("--workload names recordings already", hint="leave out AUDIO, or --workload")
    said = {name: getattr(arguments, name) for name in ("repeats", "warmups", "starts")}
    given = {name: number for name, number in said.items() if number is not None}
    if any(number < (name != "warmups") for name, number in given.items()):
        raise UsageError("--repeats and --starts must be 1 or more, --warmups 0 or more")
    if arguments.audio:
        item = WorkItem(audio=arguments.audio, reference=arguments.reference)
        workload = Workload(name=arguments.audio.stem, recordings=(item,))
    else:
        workload = read_workload(arguments.workload or _DEFAULT)
    engines = (arguments.engine,) if arguments.engine else workload.engines
    against = (arguments.against,) if arguments.against and arguments.against not in engines else ()
    devices = (arguments.device,) if arguments.device else workload.devices
    return dataclasses.replace(workload, **given, engines=(*against, *engines), devices=devices)


def _completed(report: BenchmarkReport, arguments: argparse.Namespace) -> BenchmarkReport:
    """Add what the machine did not say by itself."""
    if arguments.ask_instance:
        from diarize_runner.benchmark.instance import ask_instance_type

        report = dataclasses.replace(report, environment=report.environment.with_instance(ask_instance_type()))
    if arguments.price is None:
        return report
    return dataclasses.replace(report, price=Price(usd_per_hour=arguments.price, source="--price"))
