"""`diarize-runner benchmark`, or `benchmark run`: measure speed and accuracy."""

import argparse
import dataclasses
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from diarize_runner.benchmark.report import BenchmarkReport, Price
from diarize_runner.cli.benchmark_reports import add_report_options, requested_reports, write_reports
from diarize_runner.cli.benchmark_text import summary
from diarize_runner.cli.options import add_cache_option, add_device_option, add_engine_option, default_device
from diarize_runner.cli.output import Result
from diarize_runner.cli.transcription_options import add_transcribe_option, requested_transcription
from diarize_runner.diarization.engines import EQUAL_TO_STOCK
from diarize_runner.errors import UsageError
from diarize_runner.progress import Progress

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from diarize_runner.benchmark.engine_run import Runner
    from diarize_runner.benchmark.workload import Workload
    from diarize_runner.transcription.options import TranscriptionOptions

_DEFAULT = "default"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `benchmark run`."""
    parser.add_argument("audio", type=Path, nargs="?", metavar="AUDIO", help="default: the workload's recordings")
    parser.add_argument("--reference", type=Path, metavar="RTTM", help="the reference RTTM of AUDIO, for DER")
    described = (
        f"a workload file, the name of a shipped workload (default: {_DEFAULT}), or a folder of recordings, each "
    )
    described += "with its reference NAME.rttm and, if only a part is to be scored, NAME.uem"
    parser.add_argument("--workload", metavar="PATH", help=described)
    described = "transcribe, too, and measure that as a stage of its own"
    add_transcribe_option(parser, described)
    described = "a transcript of what is said in AUDIO, for WER: STM, SRT, JSON or any other that is read"
    parser.add_argument("--spoken", type=Path, metavar="FILE", help=described)
    parser.add_argument("--against", choices=EQUAL_TO_STOCK, help="also measure this engine, in alternation")
    parser.add_argument("--repeats", type=int, metavar="N", help="timed calls (default: the workload's, or 3)")
    parser.add_argument("--warmups", type=int, metavar="N", help="untimed calls first (default: the workload's, or 1)")
    parser.add_argument("--starts", type=int, metavar="N", help="cold starts in new processes (default: 1)")
    parser.add_argument("--price", type=float, metavar="USD", help="hourly price of this box, to report costs")
    described = "ask EC2's instance metadata service for the instance type"
    parser.add_argument("--ask-instance", action="store_true", help=described)
    add_report_options(parser)
    add_device_option(parser)
    add_engine_option(parser)
    add_cache_option(parser)
    parser.set_defaults(device=default_device(), engine=None)  # else the workload chooses


def run(arguments: argparse.Namespace, progress: Progress) -> Result:
    """Compose the workload's scenes, measure, and write the report."""
    from diarize_runner.benchmark.folder import require_references_fit
    from diarize_runner.benchmark.run import measure
    from diarize_runner.benchmark.workload import is_folder

    outputs, transcription = requested_reports(arguments), requested_transcription(arguments)
    workload = _workload(arguments)
    with tempfile.TemporaryDirectory(prefix="diarize-runner-benchmark-") as folder:
        items = workload.items(Path(folder))
        if is_folder(arguments.workload or _DEFAULT):
            require_references_fit(items, progress)
        launch = partial(_launch, arguments.cache, transcription)
        report = measure(workload, items, launch, progress)
    report = _add_instance_and_price(report, arguments)
    write_reports(report, outputs)
    return Result(document=report.to_dict(), text=summary(report))


def _launch(
    cache: Path, transcription: "TranscriptionOptions | None", engine: str, device: str
) -> "AbstractContextManager[Runner]":
    from diarize_runner.benchmark.process import start_worker
    from diarize_runner.benchmark.worker import LoadRequest

    return start_worker(LoadRequest(cache=cache, device=device, engine=engine, transcription=transcription))


def _workload(arguments: argparse.Namespace) -> "Workload":
    """Return the named workload, or one of AUDIO alone, with the options applied."""
    from diarize_runner.benchmark.item import WorkItem
    from diarize_runner.benchmark.workload import Workload, read_workload

    for option in ("reference", "spoken"):
        if getattr(arguments, option) and not arguments.audio:
            hint = f"add the recording: benchmark AUDIO --{option} FILE"
            raise UsageError(f"--{option} requires AUDIO", hint=hint)
    if arguments.spoken and not arguments.transcribe:
        raise UsageError("--spoken requires --transcribe", hint="add --transcribe, or remove --spoken")
    if arguments.audio and arguments.workload:
        raise UsageError("AUDIO and --workload cannot be combined", hint="remove one of them")
    options = {name: getattr(arguments, name) for name in ("repeats", "warmups", "starts")}
    counts = {name: number for name, number in options.items() if number is not None}
    if any(number < (name != "warmups") for name, number in counts.items()):
        raise UsageError("--repeats and --starts must be 1 or more, --warmups 0 or more")
    if arguments.audio:
        item = WorkItem(audio=arguments.audio, reference=arguments.reference, spoken=arguments.spoken)
        workload = Workload(name=arguments.audio.stem, recordings=(item,))
    else:
        workload = read_workload(arguments.workload or _DEFAULT)
    engines = (arguments.engine,) if arguments.engine else workload.engines
    against = (arguments.against,) if arguments.against and arguments.against not in engines else ()
    devices = (arguments.device,) if arguments.device else workload.devices
    return dataclasses.replace(workload, **counts, engines=(*against, *engines), devices=devices)


def _add_instance_and_price(report: BenchmarkReport, arguments: argparse.Namespace) -> BenchmarkReport:
    if arguments.ask_instance:
        from diarize_runner.benchmark.instance import fetch_instance_type

        report = dataclasses.replace(report, environment=report.environment.with_instance(fetch_instance_type()))
    if arguments.price is None:
        return report
    return dataclasses.replace(report, price=Price(usd_per_hour=arguments.price, source="--price"))
