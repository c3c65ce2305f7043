"""Speed-up over stock: stock's time / an engine's time, call by call, in one report."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from diarize_runner.benchmark.measurement import Measurement, Series
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.diarization.engines import STOCK


@dataclass(frozen=True, kw_only=True, slots=True)
class Speedup:
    """Speed-up of one engine over stock on one recording."""

    uri: str
    engine: str
    device: str
    pairs: tuple[float, ...]
    """Stock's seconds / the engine's, for each pair of consecutive calls: above 1 is faster than stock."""
    same_output: bool | None

    @property
    def median(self) -> float:
        """Median of the pairs."""
        return statistics.median(self.pairs)


def speedups(report: BenchmarkReport) -> tuple[Speedup, ...]:
    """Return the speed-up of each other engine over stock on the same device; empty if stock was not measured."""
    stock = {series.device: series for series in report.series if series.engine == STOCK}
    others = (series for series in report.series if series.engine != STOCK and series.device in stock)
    return tuple(each for series in others for each in _per_recording(series, stock[series.device]))


def total_speedup(report: BenchmarkReport, series: Series) -> float | None:
    """Return stock's sum of medians / this series' sum; None if stock was not measured on the device."""
    for other in report.series:
        if other.engine == STOCK and other.device == series.device and other is not series:
            return other.median_seconds / series.median_seconds
    return None


def _per_recording(series: Series, stock: Series) -> Iterator[Speedup]:
    for measured, baseline in zip(series.measurements, stock.measurements, strict=True):
        yield Speedup(
            uri=measured.uri,
            engine=series.engine,
            device=series.device,
            pairs=_pairs(measured, baseline),
            same_output=measured.same_as_stock,
        )


def _pairs(measured: Measurement, baseline: Measurement) -> tuple[float, ...]:
    return tuple(
        slow / fast for slow, fast in zip(baseline.processing_seconds, measured.processing_seconds, strict=True)
    )
