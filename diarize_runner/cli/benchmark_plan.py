"""`diarize-runner benchmark plan`: plan the number of boxes and their cost."""

import argparse
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from diarize_runner.benchmark.formats.figures import format_duration, format_usd
from diarize_runner.benchmark.measurement import Series
from diarize_runner.benchmark.plan import Job, Plan, cautious_plan, loading_seconds, plan
from diarize_runner.benchmark.reading import read_report
from diarize_runner.benchmark.report import BenchmarkReport, Price
from diarize_runner.cli.output import Result
from diarize_runner.diarization.engines import AUTO, ENGINES, STOCK
from diarize_runner.errors import UsageError
from diarize_runner.progress import Progress

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_INSTANCE_TYPE = "g4dn.xlarge"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Estimate:
    """Two plans, with the measurement and the price behind them."""

    series: Series
    likely: Plan
    cautious: Plan
    price: Price | None
    doubts: tuple[str, ...]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `benchmark plan`."""
    parser.add_argument("report", type=Path, metavar="REPORT.json", help="a benchmark of one such box")
    parser.add_argument("--hours", type=float, required=True, metavar="N", help="hours of audio")
    described = "time from the launch of the boxes, such as 24h, 90m or 2d"
    parser.add_argument("--deadline", type=_duration, required=True, metavar="TIME", help=described)
    described = "time from the launch of a box to the end of its provisioning (default: 0s, already provisioned)"
    parser.add_argument("--ready-after", type=_duration, default=0.0, metavar="TIME", help=described)
    described = "length of the longest recording, such as 2h (default: that of the report's longest)"
    parser.add_argument("--longest", type=_duration, metavar="TIME", help=described)
    measured = [engine for engine in ENGINES if engine != AUTO]
    described = "engine to plan with (default: the report's only one besides stock)"
    parser.add_argument("--engine", choices=measured, help=described)
    parser.add_argument("--instance-type", default=_INSTANCE_TYPE, metavar="TYPE", help="default: %(default)s")
    price = parser.add_mutually_exclusive_group()
    price.add_argument("--price", type=float, metavar="USD", help="hourly price of a box (default: the report's)")
    described = "fetch the on-demand price in this region from the AWS Price List"
    price.add_argument("--price-in", dest="region", metavar="REGION", help=described)


def run(arguments: argparse.Namespace, _progress: Progress) -> Result:
    """Plan from a report."""
    if not arguments.hours > 0:
        raise UsageError("--hours must be more than 0")
    report = read_report(arguments.report)
    series = _series(report, arguments.engine)
    longest = max(measured.audio_seconds for measured in series.measurements)
    job = Job(
        audio_hours=arguments.hours,
        deadline=arguments.deadline,
        ready_after=arguments.ready_after,
        longest=longest if arguments.longest is None else arguments.longest,
    )
    estimate = _Estimate(
        series=series,
        likely=plan(job, series),
        cautious=cautious_plan(job, series),
        price=_price(arguments) or report.price,
        doubts=tuple(_doubts(report, series, arguments.instance_type)),
    )
    return Result(document=_document(estimate, arguments), text=_text(estimate, arguments))


def _series(report: BenchmarkReport, engine: str | None) -> Series:
    matches = [series for series in report.series if (series.engine == engine if engine else series.engine != STOCK)]
    if len(matches) != 1:
        available = ", ".join(f"{series.engine} on {series.device}" for series in report.series)
        wanted = f"series of the {engine} engine" if engine else "series besides stock"
        problem = f"the report has {len(matches)} {wanted}, expected 1"
        raise UsageError(problem, hint=f"choose --engine, or another report: this one has {available}")
    return matches[0]


def _price(arguments: argparse.Namespace) -> Price | None:
    if arguments.price is not None:
        return Price(usd_per_hour=arguments.price, source="--price")
    if not arguments.region:
        return None
    from diarize_runner.fleet.aws import Aws
    from diarize_runner.fleet.prices import UnknownPrice, on_demand_price

    found = on_demand_price(Aws.of(profile=None, region=arguments.region), arguments.instance_type)
    if isinstance(found, UnknownPrice):
        raise UsageError(f"no price is known: {found.reason}", hint="give one with --price")
    return Price(usd_per_hour=float(found.usd_per_hour), source=found.source)


def _doubts(report: BenchmarkReport, series: Series, instance_type: str) -> list[str]:
    """List the assumptions that the report does not support."""
    measured_on = report.environment.instance
    doubts = []
    if measured_on != instance_type:
        machine = measured_on or f"{series.device}, {report.environment.cpu_count} cores of {report.environment.cpu}"
        doubts.append(f"measured on {machine}: the speed of a {instance_type} is unknown")
    if loading_seconds(series) is None:
        doubts.append("loading time was not measured, and is not included")
    return doubts


def _document(estimate: _Estimate, arguments: argparse.Namespace) -> dict[str, object]:
    price = estimate.price
    return {
        "audio_hours": arguments.hours,
        "deadline_seconds": arguments.deadline,
        "instance_type": arguments.instance_type,
        "engine": estimate.series.engine,
        "real_time_factor": estimate.series.real_time_factor,
        "median_calls": _figures(estimate.likely, price),
        "slowest_calls": _figures(estimate.cautious, price),
        "price": asdict(price) if price else None,
        "doubts": list(estimate.doubts),
    }


def _figures(plan: Plan, price: Price | None) -> dict[str, object]:
    return {
        "boxes": plan.boxes,
        "seconds": plan.seconds,
        "box_hours": plan.box_hours,
        "usd": _cost(plan, price),
    }


def _cost(plan: Plan, price: Price | None) -> float | None:
    return plan.box_hours * price.usd_per_hour if price else None


def _text(estimate: _Estimate, arguments: argparse.Namespace) -> tuple[str, ...]:
    series, price = estimate.series, estimate.price
    durations = [measured.audio_seconds for measured in series.measurements]
    lengths = f"recordings of {format_duration(min(durations))} to {format_duration(max(durations))}"
    rate = f"${price.usd_per_hour:g} an hour ({price.source})" if price else "no price: add --price or --price-in"
    deadline = format_duration(arguments.deadline)
    lines = [
        f"{arguments.hours:,g} h of audio in {deadline}, boxes of type {arguments.instance_type}:",
        f"  at the median speed: {_summary(estimate.likely, price)}",
        f"  at the slowest speed: {_summary(estimate.cautious, price)}",
        f"RTF {series.real_time_factor:.4f}, {series.engine} engine, {lengths}; {rate}.",
    ]
    return (*lines, *(f"Caution: {doubt}." for doubt in estimate.doubts))


def _summary(plan: Plan, price: Price | None) -> str:
    cost = f", {format_usd(_cost(plan, price))}" if price else ""
    return f"{plan.boxes:,} boxes, done after {format_duration(plan.seconds)}, {plan.box_hours:,.1f} box hours{cost}"


def _duration(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time, such as 24h, 90m or 2d")
    return float(match[1]) * _UNITS[match[2]]
