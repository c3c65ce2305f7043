"""Read a report of any format: see the format history in `report.py`."""

from collections.abc import Callable, Sequence
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
    Series,
    Stages,
    Start,
)
from diarize_runner.benchmark.report import DERIVED, FORMAT, FORMAT_2, BenchmarkReport, Price
from diarize_runner.benchmark.report_1 import FORMAT_1, read_format_1
from diarize_runner.benchmark.report_scores import read_score, read_words
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
        DiskError: the file cannot be read.
        NotAReport: the file is other JSON.
        ManifestError: the report is invalid; the message names the path in it.
    """
    with disk_errors(path), path.open("rb") as file:
        data = file.read(bounds.MAX_REPORT_BYTES + 1)
    return parse_report(data, str(path))


def parse_report(data: bytes, document: str) -> BenchmarkReport:
    """Parse a report; errors name it `document`. Raise ManifestError and NotAReport as `read_report` does."""
    if len(data) > bounds.MAX_REPORT_BYTES:
        raise ManifestError(
            f"{document} is larger than {bounds.MAX_REPORT_BYTES >> 20} MiB",
            hint="pass a report that benchmark run wrote",
        )
    node = canonical.parse(data, document)
    bounds.require_bounded(node)
    stated = node.entries().get("format")
    found = stated.value if stated else None
    if found in (FORMAT, FORMAT_2):
        return _report(node)
    if found == FORMAT_1:
        return read_format_1(node)
    if str(found).startswith(_ANY_FORMAT):
        hint = "read it with the newer release that wrote it"
        message = node.error(f"format {found!r} is neither {FORMAT}, {FORMAT_2} nor {FORMAT_1}").message
        raise UnsupportedFormat(message, hint=hint)
    hint = "name a file written by diarize-runner benchmark -o"
    raise NotAReport(node.error("not a benchmark report").message, hint=hint)


def _report(node: Node) -> BenchmarkReport:
    at = node.fields(["format", *_names(BenchmarkReport)])
    series = bounds.read_items(at["series"], bounds.MAX_SERIES)
    read = tuple(map(_series, series))
    _require_comparable(read, series)
    return BenchmarkReport(
        date=_optional(at["date"], Node.text),
        workload=_optional(at["workload"], Node.text),
        environment=_environment(at["environment"]),
        cache=at["cache"].text(),
        price=_optional(at["price"], _price),
        series=read,
    )


def _require_comparable(read: tuple[Series, ...], nodes: tuple[Node, ...]) -> None:
    """Raise ManifestError unless every engine has the same recordings and number of calls as stock on its device."""
    stock = {series.device: series for series in read if series.engine == STOCK}
    for series, node in zip(read, nodes, strict=True):
        if series.device in stock and _workload_of(series) != _workload_of(stock[series.device]):
            raise node.error("recordings or number of calls differ from stock's")


def _workload_of(series: Series) -> list[tuple[str, int]]:
    return [(measured.uri, len(measured.calls)) for measured in series.measurements]


def _price(node: Node) -> Price:
    at = node.fields(_names(Price))
    return Price(usd_per_hour=at["usd_per_hour"].number(), source=at["source"].text())


def _environment(node: Node) -> Environment:
    at = node.fields(_names(Environment))
    return Environment(
        cpu=at["cpu"].text(),
        cpu_count=at["cpu_count"].count(),
        memory=_optional(at["memory"], Node.count),
        threads=at["threads"].count(),
        gpu=_optional(at["gpu"], _gpu),
        instance=_optional(at["instance"], Node.text),
        system=at["system"].text(),
        python=at["python"].text(),
        packages=_texts(at["packages"]),
        lock=_optional(at["lock"], Node.text),
        load_average=_optional(at["load_average"], Node.number),
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
    at = node.fields(_names(Series, without=["transcriber"]), optional=[*DERIVED, "transcriber"])
    return Series(
        engine=at["engine"].text(),
        device=at["device"].text(),
        transcriber=_optional(at.get("transcriber"), Node.text),
        starts=tuple(map(_start, at["starts"].items())),
        measurements=tuple(map(_measurement, bounds.read_items(at["measurements"], bounds.MAX_MEASUREMENTS))),
        batches=tuple(map(_batch, at["batches"].items())),
    )


def _start(node: Node) -> Start:
    at = node.fields(_names(Start), optional=DERIVED)
    loading = _numbers(at["loading"], Loading)
    return Start(loading=Loading(**loading), uri=at["uri"].text(), first_call=_call(at["first_call"]))


def _measurement(node: Node) -> Measurement:
    renamed = {"score": "reference"}
    names = [renamed.get(name, name) for name in _names(Measurement, without=["words"])]
    at = node.fields(names, optional=[*DERIVED, "words"])
    return Measurement(
        uri=at["uri"].text(),
        audio_seconds=bounds.read_duration(at["audio_seconds"]),
        audio=_optional(at["audio"], Node.text),
        hints=_hints(at["hints"]),
        warmups=tuple(map(_call, at["warmups"].items())),
        calls=tuple(map(_call, bounds.read_items(at["calls"], bounds.MAX_VALUES))),
        speakers=at["speakers"].count(),
        score=_optional(at["reference"], read_score),
        words=_optional(at.get("words"), read_words),
        rttm=_optional(at["rttm"], Node.text),
        repeatable=_optional(at["repeatable"], Node.flag),
        same_as_stock=_optional(at["same_as_stock"], Node.flag),
        memory_over_time=tuple(map(_sample, at["memory_over_time"].items())),
    )


def _call(node: Node) -> Call:
    at = node.fields(_names(Call))
    memory = at["memory"].fields(_names(Memory))
    return Call(
        seconds=bounds.read_duration(at["seconds"]),
        stages=_stages(at["stages"]),
        memory=Memory(**{name: _optional(each, Node.count) for name, each in memory.items()}),
    )


def _stages(node: Node) -> Stages:
    at = node.fields(_names(Stages, without=["transcription"]), optional=["transcription"])
    return Stages(**{name: _optional(each, Node.number) for name, each in at.items()})


def _hints(node: Node) -> SpeakerHints:
    return SpeakerHints(
        **{name: _optional(each, Node.count) for name, each in node.fields(_names(SpeakerHints)).items()}
    )


def _sample(node: Node) -> MemorySample:
    pair = node.items()
    if len(pair) != 2:  # noqa: PLR2004
        raise node.error("expected [seconds, bytes]")
    return MemorySample(seconds=pair[0].number(), rss=pair[1].count())


def _batch(node: Node) -> Batch:
    at = node.fields(_names(Batch))
    recordings = at["recordings"].count()
    if not recordings:
        raise at["recordings"].error("expected 1 or more recordings")
    return Batch(
        recordings=recordings,
        audio_seconds=bounds.read_duration(at["audio_seconds"]),
        seconds=bounds.read_duration(at["seconds"]),
    )


def _numbers(node: Node, record: type[_Record]) -> dict[str, float | None]:
    return {name: _optional(each, Node.number) for name, each in node.fields(_names(record)).items()}


def _texts(node: Node) -> dict[str, str]:
    return {name: each.text() for name, each in node.entries().items()}


def _names(record: type[object], *, without: Sequence[str] = ()) -> list[str]:
    """Return the names of the fields, except those that reports without transcription lack."""
    return [field.name for field in fields(record) if field.name not in without]  # type: ignore[arg-type]  # each is a dataclass


def _optional(node: Node | None, read: Callable[[Node], _Value]) -> _Value | None:
    return None if node is None or node.value is None else read(node)
