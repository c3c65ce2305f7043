"""`diarize-runner benchmark plan`: how many boxes, and what they cost."""

import argparse
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from diarize_runner.benchmark.formats.words import dollars, length
from diarize_runner.benchmark.measurement import Series
from diarize_runner.benchmark.plan import Job, Plan, cautious_plan, loading_seconds, plan
from diarize_runner.benchmark.reading import read_report
from diarize_runner.benchmark.report import BenchmarkReport, Price
from diarize_runner.cli.options import Commands, add_command
from diarize_runner.cli.output import Result
from diarize_runner.diarization.engines import ENGINES, EXACT
from diarize_runner.errors import UsageError
from diarize_runner.progress import Progress

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_INSTANCE_TYPE = "g4dn.xlarge"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Planned:
    """A plan, and what it rests on."""

    series: Series
    likely: Plan
    cautious: Plan
    price: Price | None
    doubts: tuple[str, ...]


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "plan", run, "say how many boxes diarize so much audio in time, and what they cost")
    parser.add_argument("report", type=Path, metavar="REPORT.json", help="what one such box was measured to do")
    parser.add_argument("--hours", type=float, required=True, metavar="N", help="of audio")
    described = "from the launch of the boxes, such as 24h, 90m or 2d"
    parser.add_argument("--deadline", type=_duration, required=True, metavar="TIME", help=described)
    described = "from the launch of a box until it is provisioned (default: 0s, boxes that stand ready)"
    parser.add_argument("--ready-after", type=_duration, default=0.0, metavar="TIME", help=described)
    parser.add_argument("--engine", choices=ENGINES, default=EXACT, help="whose figures to take (default: exact)")
    parser.add_argument("--instance-type", default=_INSTANCE_TYPE, metavar="TYPE", help="default: %(default)s")
    price = parser.add_mutually_exclusive_group()
    price.add_argument("--price", type=float, metavar="USD", help="of a box for an hour (default: the report's)")
    described = "ask the AWS Price List what a box costs there on demand"
    price.add_argument("--price-in", dest="region", metavar="REGION", help=described)


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Plan."""
    if not arguments.hours > 0:
        raise UsageError("--hours must be more than 0")
    report = read_report(arguments.report)
    series = _series(report, arguments.engine)
    job = Job(audio_hours=arguments.hours, deadline=arguments.deadline, ready_after=arguments.ready_after)
    planned = _Planned(
        series=series,
        likely=plan(job, series),
        cautious=cautious_plan(job, series),
        price=_price(arguments) or report.price,
        doubts=tuple(_doubts(report, series, arguments.instance_type)),
    )
    return Result(document=_document(planned, arguments), text=_text(planned, arguments))


def _series(report: BenchmarkReport, engine: str) -> Series:
    found = [series for series in report.series if series.engine == engine]
    if len(found) != 1:
        there = ", ".join(f"{series.engine} on {series.device}" for series in report.series)
        raise UsageError(f"the report has {len(found)} series of the {engine} engine", hint=f"it has: {there}")
    return found[0]


def _price(arguments: argparse.Namespace) -> Price | None:
    if arguments.price is not None:
        return Price(usd_per_hour=arguments.price, source="--price")
    if not arguments.region:
        return None
    from diarize_runner.fleet.aws import Aws
    from diarize_runner.fleet.prices import NoPrice, on_demand_price

    found = on_demand_price(Aws.of(profile=None, region=arguments.region), arguments.instance_type)
    if isinstance(found, NoPrice):
        raise UsageError(f"no price is known: {found.why}", hint="give one with --price")
    return Price(usd_per_hour=float(found.usd_per_hour), source=found.source)


def _doubts(report: BenchmarkReport, series: Series, instance_type: str) -> list[str]:
    """Say what the figures do not cover."""
    measured_on = report.environment.instance
    doubts = []
    if measured_on != instance_type:
        known = measured_on or f"{series.device}, {report.environment.cpu_count} cores of {report.environment.cpu}"
        doubts.append(f"measured on {known}: it is not known how a {instance_type} compares")
    if loading_seconds(series) is None:
        doubts.append("how long a box loads was not measured, and is not in it")
    return doubts


def _document(planned: _Planned, arguments: argparse.Namespace) -> dict[str, object]:
    price = planned.price
    return {
        "audio_hours": arguments.hours,
        "deadline_seconds": arguments.deadline,
        "instance_type": arguments.instance_type,
        "engine": planned.series.engine,
        "real_time_factor": planned.series.real_time_factor,
        "median_calls": _figures(planned.likely, price),
        "slowest_calls": _figures(planned.cautious, price),
        "price": asdict(price) if price else None,
        "doubts": list(planned.doubts),
    }


def _figures(found: Plan, price: Price | None) -> dict[str, object]:
    return {
        "boxes": found.boxes,
        "seconds": found.seconds,
        "box_hours": found.box_hours,
        "usd": _cost(found, price),
    }


def _cost(found: Plan, price: Price | None) -> float | None:
    return found.box_hours * price.usd_per_hour if price else None


def _text(planned: _Planned, arguments: argparse.Namespace) -> tuple[str, ...]:
    series, price = planned.series, planned.price
    durations = [measured.audio_seconds for measured in series.measurements]
    lengths = f"recordings of {length(min(durations))} to {length(max(durations))}"
    rate = f"${price.usd_per_hour:g} an hour ({price.source})" if price else "no price given: --price or --price-in"
    lines = [
        f"{arguments.hours:,g} h of audio in {length(arguments.deadline)}, boxes of type {arguments.instance_type}:",
        f"  as the median calls:  {_said(planned.likely, price)}",
        f"  as the slowest calls: {_said(planned.cautious, price)}",
        f"RTF {series.real_time_factor:.4f}, {series.engine} engine, {lengths}; {rate}.",
    ]
    return (*lines, *(f"Mind: {doubt}." for doubt in planned.doubts))


def _said(found: Plan, price: Price | None) -> str:
    cost = f", {dollars(_cost(found, price))}" if price else ""
    return f"{found.boxes:,} boxes, done after {length(found.seconds)}, {found.box_hours:,.1f} box hours{cost}"


def _duration(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no time, such as 24h, 90m or 2d")
    return float(found[1]) * _UNITS[found[2]]
