"""Read reports of format 1: one engine, on one device, without stages."""

from diarize_runner.benchmark import bounds
from diarize_runner.benchmark.environment import Environment
from diarize_runner.benchmark.measurement import Call, Measurement, Score, Series
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.cache.documents.fields import Node
from diarize_runner.diarization.engines import STOCK

FORMAT_1 = "diarize-runner/benchmark/1"
_NOT_IN_1 = "not in reports of format 1"
_DEFAULT_ENGINE = STOCK
"""Early reports of format 1 name no engine: stock was the only one."""


def read_format_1(node: Node) -> BenchmarkReport:
    """Read a report of format 1; raise what `parse_report` raises."""
    at = node.fields(["format", "environment", "cache", "measurements"], optional=["engine", "real_time_factor"])
    machine = at["environment"].fields(["cpu", "cpu_count", "device", "threads", "system", "python", "packages"])
    series = Series(
        engine=at["engine"].text() if "engine" in at else _DEFAULT_ENGINE,
        device=machine["device"].text(),
        measurements=tuple(map(_measurement, bounds.read_items(at["measurements"], bounds.MAX_MEASUREMENTS))),
    )
    return BenchmarkReport(
        date=None,
        workload=None,
        environment=_environment(machine),
        cache=at["cache"].text(),
        price=None,
        series=(series,),
    )


def _environment(at: dict[str, Node]) -> Environment:
    return Environment(
        cpu=at["cpu"].text(),
        cpu_count=at["cpu_count"].count(),
        memory=None,
        threads=at["threads"].count(),
        gpu=None,
        instance=None,
        system=at["system"].text(),
        python=at["python"].text(),
        packages={name: each.text() for name, each in at["packages"].entries().items()},
        lock=None,
        load_average=None,
        absent=dict.fromkeys(("memory", "gpu", "instance", "lock", "load_average"), _NOT_IN_1),
    )


def _measurement(node: Node) -> Measurement:
    at = node.fields(
        ["uri", "audio_seconds", "warmup_seconds", "processing_seconds", "speakers", "reference"],
        optional=["median_seconds", "real_time_factor"],
    )
    reference = at["reference"]
    return Measurement(
        uri=at["uri"].text(),
        audio_seconds=bounds.read_duration(at["audio_seconds"]),
        warmups=_calls(at["warmup_seconds"].items()),
        calls=_calls(bounds.read_items(at["processing_seconds"], bounds.MAX_VALUES)),
        speakers=at["speakers"].count(),
        score=None if reference.value is None else _score(reference),
    )


def _calls(nodes: tuple[Node, ...]) -> tuple[Call, ...]:
    return tuple(Call(seconds=bounds.read_duration(each)) for each in nodes)


def _score(node: Node) -> Score:
    at = node.fields(["der", "speakers"])
    return Score(der=at["der"].number(), speakers=at["speakers"].count())
