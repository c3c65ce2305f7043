"""A report, read back from any format there ever was: see the history in `report.py`."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TypeVar

from diarize_runner.benchmark import bounds
from diarize_runner.benchmark.environment import Environment
from diarize_runner.benchmark.gpu import Gpu
from diarize_runner.benchmark.measurement import (
    Batch,
    Call,
    Loading,
    Measurement,
    Memory,
    MemorySample,
    Score,
    Series,
    Stages,
    Start,
)
from diarize_runner.benchmark.report import DERIVED, FORMAT, BenchmarkReport, Price
from diarize_runner.benchmark.report_1 import FORMAT_1, read_format_1
from diarize_runner.cache.documents import canonical
from diarize_runner.cache.documents.fields import Node
from diarize_runner.diarization.engines import STOCK
from diarize_runner.diarization.turns import SpeakerHints
from diarize_runner.disk import disk_errors
from diarize_runner.errors import ManifestError, NotAReport, UnsupportedFormat

_ANY_FORMAT = FORMAT.rpartition("/")[0] + "/"

_Record = TypeVar("_Record")
_Value = TypeVar("_Value")


def read_report(path: Path) -> BenchmarkReport:
    """Read a report.

    Raises:
        DiskError: it cannot be read.
        NotAReport: it is JSON of another kind.
        ManifestError: something in it is wrong; the message names the place.
    """
    with disk_errors(path), path.open("rb") as file:
        data = file.read(bounds.LARGEST_REPORT + 1)
    return parse_report(data, str(path))


def parse_report(data: bytes, document: str) -> BenchmarkReport:
    """Parse a report that errors call `document`; raises ManifestError as `read_report` does."""
    if len(data) > bounds.LARGEST_REPORT:
        raise ManifestError(
            f"{document}: larger than {bounds.LARGEST_REPORT >> 20} MiB", hint="name a benchmark report"
        )
    node = canonical.parse(data, document)
    bounds.require_bounded(node)
    stated = node.entries().get("format")
    found = stated.value if stated else None
    if found == FORMAT:
        return _report(node)
    if found == FORMAT_1:
        return read_format_1(node)
    if str(found).startswith(_ANY_FORMAT):
        hint = "a newer release may have written it: read it with that"
        raise UnsupportedFormat(node.error(f"format {found!r} is neither {FORMAT} nor {FORMAT_1}").message, hint=hint)
    hint = "name a file that diarize-runner benchmark -o wrote"
    raise NotAReport(node.error("this is no benchmark report").message, hint=hint)


def _report(node: Node) -> BenchmarkReport:
    at = node.fields(["format", *_names(BenchmarkReport)])
    series = bounds.some(at["series"], bounds.MOST_SERIES)
    read = tuple(map(_series, series))
    _require_comparable(read, series)
    return BenchmarkReport(
        date=_maybe(at["date"], Node.text),
        workload=_maybe(at["workload"], Node.text),
        environment=_environment(at["environment"]),
        cache=at["cache"].text(),
        price=_maybe(at["price"], _price),
        series=read,
    )


def _require_comparable(read: tuple[Series, ...], nodes: tuple[Node, ...]) -> None:
    """Refuse what no run writes: engines take turns, so each has the recordings and calls of stock on its device."""
    stock = {series.device: series for series in read if series.engine == STOCK}
    for series, node in zip(read, nodes, strict=True):
        if series.device in stock and _work(series) != _work(stock[series.device]):
            raise node.error("not the recordings and calls of stock")


def _work(series: Series) -> list[tuple[str, int]]:
    return [(measured.uri, len(measured.calls)) for measured in series.measurements]


def _price(node: Node) -> Price:
    at = node.fields(_names(Price))
    return Price(usd_per_hour=at["usd_per_hour"].number(), source=at["source"].text())


def _environment(node: Node) -> Environment:
    at = node.fields(_names(Environment))
    return Environment(
        cpu=at["cpu"].text(),
        cpu_count=at["cpu_count"].count(),
        memory=_maybe(at["memory"], Node.count),
        threads=at["threads"].count(),
        gpu=_maybe(at["gpu"], _gpu),
        instance=_maybe(at["instance"], Node.text),
        system=at["system"].text(),
        python=at["python"].text(),
        packages=_texts(at["packages"]),
        lock=_maybe(at["lock"], Node.text),
        load_average=_maybe(at["load_average"], Node.number),
        absent=_texts(at["absent"]),
    )


def _gpu(node: Node) -> Gpu:
    at = node.fields(_names(Gpu))
    return Gpu(
        name=at["name"].text(),
        driver=at["driver"].text(),
        memory_mib=at["memory_mib"].text(),
        sm_clock_mhz=at["sm_clock_mhz"].text(),
        max_sm_clock_mhz=at["max_sm_clock_mhz"].text(),
        power_limit_watts=at["power_limit_watts"].text(),
        celsius=at["celsius"].text(),
        throttled=at["throttled"].text(),
    )


def _series(node: Node) -> Series:
    at = node.fields(_names(Series), optional=DERIVED)
    return Series(
        engine=at["engine"].text(),
        device=at["device"].text(),
        starts=tuple(map(_start, at["starts"].items())),
        measurements=tuple(map(_measurement, bounds.some(at["measurements"], bounds.MOST_MEASUREMENTS))),
        batches=tuple(map(_batch, at["batches"].items())),
    )


def _start(node: Node) -> Start:
    at = node.fields(_names(Start), optional=DERIVED)
    loading = _numbers(at["loading"], Loading)
    return Start(loading=Loading(**loading), uri=at["uri"].text(), first_call=_call(at["first_call"]))


def _measurement(node: Node) -> Measurement:
    renamed = {"score": "reference"}
    at = node.fields([renamed.get(name, name) for name in _names(Measurement)], optional=DERIVED)
    return Measurement(
        uri=at["uri"].text(),
        audio_seconds=bounds.duration(at["audio_seconds"]),
        audio=_maybe(at["audio"], Node.text),
        hints=_hints(at["hints"]),
        warmups=tuple(map(_call, at["warmups"].items())),
        calls=tuple(map(_call, bounds.some(at["calls"], bounds.MOST_VALUES))),
        speakers=at["speakers"].count(),
        score=_maybe(at["reference"], _score),
        rttm=_maybe(at["rttm"], Node.text),
        repeatable=_maybe(at["repeatable"], Node.flag),
        same_as_stock=_maybe(at["same_as_stock"], Node.flag),
        memory_over_time=tuple(map(_sample, at["memory_over_time"].items())),
    )


def _call(node: Node) -> Call:
    at = node.fields(_names(Call))
    memory = at["memory"].fields(_names(Memory))
    return Call(
        seconds=bounds.duration(at["seconds"]),
        stages=Stages(**_numbers(at["stages"], Stages)),
        memory=Memory(**{name: _maybe(each, Node.count) for name, each in memory.items()}),
    )


def _hints(node: Node) -> SpeakerHints:
    return SpeakerHints(**{name: _maybe(each, Node.count) for name, each in node.fields(_names(SpeakerHints)).items()})


def _score(node: Node) -> Score:
    at = node.fields(_names(Score))
    shares = {name: _maybe(at[name], Node.number) for name in ("missed", "false_alarm", "confusion", "jer")}
    return Score(der=at["der"].number(), speakers=at["speakers"].count(), **shares)


def _sample(node: Node) -> MemorySample:
    pair = node.items()
    if len(pair) != 2:  # noqa: PLR2004
        raise node.error("expected [seconds, bytes]")
    return MemorySample(seconds=pair[0].number(), rss=pair[1].count())


def _batch(node: Node) -> Batch:
    at = node.fields(_names(Batch))
    recordings = at["recordings"].count()
    if not recordings:
        raise at["recordings"].error("no recordings take no time")
    return Batch(
        recordings=recordings,
        audio_seconds=bounds.duration(at["audio_seconds"]),
        seconds=bounds.duration(at["seconds"]),
    )


def _numbers(node: Node, record: type[_Record]) -> dict[str, float | None]:
    return {name: _maybe(each, Node.number) for name, each in node.fields(_names(record)).items()}


def _texts(node: Node) -> dict[str, str]:
    return {name: each.text() for name, each in node.entries().items()}


def _names(record: type[object]) -> list[str]:
    return [field.name for field in fields(record)]  # type: ignore[arg-type]  # each is a dataclass


def _maybe(node: Node, read: Callable[[Node], _Value]) -> _Value | None:
    return None if node.value is None else read(node)
