"""How many times sooner, in one run: what two engines took for the same recording, call by call."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from diarize_runner.benchmark.measurement import Measurement, Series
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.diarization.engines import STOCK


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratios:
    """How many times sooner than stock one engine was with one recording."""

    uri: str
    engine: str
    device: str
    pairs: tuple[float, ...]
    """Of calls that followed each other: above 1, stock took longer."""
    same_output: bool | None

    @property
    def median(self) -> float:
        """Median of the pairs."""
        return statistics.median(self.pairs)


def ratios(report: BenchmarkReport) -> tuple[Ratios, ...]:
    """Return how every other engine compares with stock on its device; nothing where stock was not measured."""
    stock = {series.device: series for series in report.series if series.engine == STOCK}
    others = (series for series in report.series if series.engine != STOCK and series.device in stock)
    return tuple(each for series in others for each in _of(series, stock[series.device]))


def total_ratio(report: BenchmarkReport, series: Series) -> float | None:
    """Return stock's sum of medians over this one's; None where stock was not measured on the device."""
    for other in report.series:
        if other.engine == STOCK and other.device == series.device and other is not series:
            return other.median_seconds / series.median_seconds
    return None


def _of(series: Series, stock: Series) -> Iterator[Ratios]:
    for measured, by_stock in zip(series.measurements, stock.measurements, strict=True):
        yield Ratios(
            uri=measured.uri,
            engine=series.engine,
            device=series.device,
            pairs=_pairs(measured, by_stock),
            same_output=measured.same_as_stock,
        )


def _pairs(measured: Measurement, by_stock: Measurement) -> tuple[float, ...]:
    return tuple(
        slow / fast for slow, fast in zip(by_stock.processing_seconds, measured.processing_seconds, strict=True)
    )
