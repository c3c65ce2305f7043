"""A report as tables of text. An unmeasured figure is "not measured", never blank."""

from collections.abc import Iterable, Iterator

from diarize_runner.benchmark.formats.accuracy_tables import accuracy_table, worst_first_table
from diarize_runner.benchmark.formats.figures import (
    format_bool,
    format_duration,
    format_megabytes,
    format_percent,
    format_seconds,
    format_usd,
)
from diarize_runner.benchmark.formats.table import Table
from diarize_runner.benchmark.formats.transcription_tables import transcription_table
from diarize_runner.benchmark.growth import fit_growth
from diarize_runner.benchmark.measurement import Measurement, Series
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.benchmark.speedup import Speedup, speedups, total_speedup

_NO_REFERENCE = "no reference"
_AUDIO_HOUR = 3600


def tables(report: BenchmarkReport) -> tuple[Table, ...]:
    """Return every table that has rows."""
    every = (
        accuracy_table(report),
        worst_first_table(report),
        guide_table(report),
        _recordings(report),
        transcription_table(report),
        _totals(report),
        _speedups(report),
        _starts(report),
        _stages(report),
        _memory(report),
        _growth(report),
        _batches(report),
        _unmeasured(report),
    )
    return tuple(table for table in every if table.rows)


def guide_table(report: BenchmarkReport) -> Table:
    """Return the table that setup guides for GPU boxes use, a row for each recording."""
    return Table(
        title="At a glance",
        headings=("Audio Duration", "Processing Time", "Realtime Factor", "Speakers Found", "Engine"),
        rows=tuple(
            (
                format_duration(measured.audio_seconds),
                format_seconds(measured.median_seconds),
                f"{measured.real_time_factor:.3f}x",
                str(measured.speakers),
                series.engine,
            )
            for series, measured in _each(report)
        ),
        note="Realtime factor is processing time / audio duration: lower is better.",
    )


def _recordings(report: BenchmarkReport) -> Table:
    return Table(
        title="Recordings",
        headings=(
            *("recording", "engine", "audio", "median", "fastest to slowest", "RTF", "RTFx"),
            *("DER", "missed, false, confused", "JER", "speakers", "repeatable"),
        ),
        rows=tuple(_recording(series, measured) for series, measured in _each(report)),
        note="The times cover only the diarization call. DER and JER use collar 0 and score overlap.",
    )


def _recording(series: Series, measured: Measurement) -> tuple[str, ...]:
    score, times = measured.score, measured.processing_seconds
    parts = (score.missed, score.false_alarm, score.confusion) if score else ()
    return (
        measured.uri,
        series.engine,
        format_duration(measured.audio_seconds),
        format_seconds(measured.median_seconds),
        f"{format_seconds(min(times))} to {format_seconds(max(times))}, {len(times)} calls",
        f"{measured.real_time_factor:.3f}",
        f"{1 / measured.real_time_factor:.1f}",
        format_percent(score.der) if score else _NO_REFERENCE,
        ", ".join(map(format_percent, parts)) or _NO_REFERENCE,
        format_percent(score.jer) if score else _NO_REFERENCE,
        f"{measured.counted_speakers} of {score.speakers}" if score else str(measured.speakers),
        format_bool(measured.repeatable),
    )


def _totals(report: BenchmarkReport) -> Table:
    price = f"at ${report.price.usd_per_hour:g} an hour ({report.price.source})" if report.price else "no price given"
    return Table(
        title="Totals",
        headings=(
            *("engine", "device", "audio", "RTF", "RTFx", "time per audio hour", "correct speaker count"),
            *("cost per audio hour", "cost per 1,000 audio hours"),
        ),
        rows=tuple(_total(report, series) for series in report.series),
        note=f"RTF: sum of medians / sum of durations. Cost: a fully used box, {price}.",
    )


def _total(report: BenchmarkReport, series: Series) -> tuple[str, ...]:
    factor, cost = series.real_time_factor, report.usd_per_audio_hour(series)
    accuracy = series.speaker_count_accuracy
    return (
        series.engine,
        series.device,
        format_duration(series.audio_seconds),
        f"{factor:.3f}",
        f"{1 / factor:.1f}",
        format_seconds(_AUDIO_HOUR * factor),
        _NO_REFERENCE if accuracy is None else format_percent(accuracy),
        format_usd(cost),
        format_usd(None if cost is None else 1000 * cost),
    )


def _speedups(report: BenchmarkReport) -> Table:
    totals = [(series, total_speedup(report, series)) for series in report.series]
    overall = (f"{series.engine} {ratio:.2f}" for series, ratio in totals if ratio)
    return Table(
        title="Speed-up over stock pyannote",
        headings=("recording", "engine", "speed-up over stock", "pairs of calls", "same output as stock"),
        rows=tuple(map(_speedup, speedups(report))),
        note=f"Engines alternate in one run. Overall speed-up: {', '.join(overall)}.",
    )


def _speedup(speedup: Speedup) -> tuple[str, ...]:
    pairs = ", ".join(f"{pair:.2f}" for pair in speedup.pairs)
    return speedup.uri, speedup.engine, f"{speedup.median:.2f}", pairs, format_bool(speedup.same_output)


def _starts(report: BenchmarkReport) -> Table:
    return Table(
        title="Cold starts",
        headings=(
            *("engine", "process", "imports", "verification", "loading"),
            *("first call", "warm call", "total to first diarization"),
        ),
        rows=tuple(_cold_start_rows(report)),
        note="Each row is a new process and its first call. The page cache may be warm.",
    )


def _cold_start_rows(report: BenchmarkReport) -> Iterator[tuple[str, ...]]:
    for series in report.series:
        warm = {measured.uri: measured.median_seconds for measured in series.measurements}
        for start in series.starts:
            loading = start.loading
            times = (loading.process, loading.imports, loading.verify, loading.load, start.first_call.seconds)
            yield (
                series.engine,
                *map(format_seconds, times),
                format_seconds(warm.get(start.uri)),
                format_seconds(start.seconds),
            )


def _stages(report: BenchmarkReport) -> Table:
    stages = ("decode", "segmentation", "embedding", "clustering", "reconstruction", "label", "write")
    return Table(
        title="Stages",
        headings=("recording", "engine", *stages),
        rows=tuple(
            (measured.uri, series.engine, *(format_seconds(getattr(measured.stages, stage)) for stage in stages))
            for series, measured in _each(report)
        ),
        note="Medians. The diarization call spans segmentation to reconstruction, without the other stages.",
    )


def _memory(report: BenchmarkReport) -> Table:
    return Table(
        title="Memory",
        headings=("recording", "engine", "RSS", "torch allocated", "torch reserved", "GPU in use"),
        rows=tuple(
            (measured.uri, series.engine, *_peaks(measured)) for series, measured in _each(report) if measured.calls
        ),
        note="Peak of any call, in the worker process.",
    )


def _peaks(measured: Measurement) -> Iterator[str]:
    for kind in ("rss", "torch_allocated", "torch_reserved", "device_used"):
        values = [getattr(call.memory, kind) for call in measured.calls]
        yield format_megabytes(max((value for value in values if value is not None), default=None))


def _growth(report: BenchmarkReport) -> Table:
    fits = [(series, fit_growth(series)) for series in report.series]
    return Table(
        title="Growth",
        headings=("engine", "exponent of time", "RSS without audio", "RSS per audio hour"),
        rows=tuple(
            (
                series.engine,
                f"{fit.exponent:.2f}",
                format_megabytes(fit.base_bytes),
                format_megabytes(fit.bytes_per_audio_hour),
            )
            for series, fit in fits
            if fit
        ),
        note="Least squares over all recordings. Time grows as duration to the exponent: 1.00 is linear.",
    )


def _batches(report: BenchmarkReport) -> Table:
    return Table(
        title="Recordings in one process",
        headings=("engine", "recordings", "audio", "total", "per recording", "RTF, start included"),
        rows=tuple(
            (
                series.engine,
                str(batch.recordings),
                format_duration(batch.audio_seconds),
                format_seconds(batch.seconds),
                format_seconds(batch.seconds / batch.recordings),
                f"{batch.seconds / batch.audio_seconds:.3f}",
            )
            for series in report.series
            for batch in series.batches
        ),
        note="From the launch of the process to the end of the last diarization.",
    )


def _unmeasured(report: BenchmarkReport) -> Table:
    absent = report.environment.absent
    return Table(
        title="Unknown properties of the machine",
        headings=("property", "reason"),
        rows=tuple((name.replace("_", " "), why) for name, why in sorted(absent.items())),
    )


def _each(report: BenchmarkReport) -> Iterable[tuple[Series, Measurement]]:
    return ((series, measured) for series in report.series for measured in series.measurements)
