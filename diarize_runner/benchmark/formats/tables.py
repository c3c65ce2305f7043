"""A report as tables. A figure that is not there is said to be, in its place."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from diarize_runner.benchmark.formats.words import NOT_MEASURED, dollars, length, megabytes, seconds, share, yes_or_no
from diarize_runner.benchmark.growth import growth
from diarize_runner.benchmark.measurement import Measurement, Series
from diarize_runner.benchmark.ratios import Ratios, ratios, total_ratio
from diarize_runner.benchmark.report import BenchmarkReport

_NO_REFERENCE = "no reference"
_AUDIO_HOUR = 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Cells of text under headings."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def tables(report: BenchmarkReport) -> tuple[Table, ...]:
    """Return every table that has rows."""
    found = (
        as_guides_have_it(report),
        _recordings(report),
        _totals(report),
        _against_stock(report),
        _starts(report),
        _stages(report),
        _memory(report),
        _growth(report),
        _batches(report),
        _absent(report),
    )
    return tuple(table for table in found if table.rows)


def as_guides_have_it(report: BenchmarkReport) -> Table:
    """Return the table that setup guides for GPU boxes print, a row for each recording."""
    return Table(
        title="At a glance",
        headings=("Audio Duration", "Processing Time", "Realtime Factor", "Speakers Found", "Engine"),
        rows=tuple(
            (
                length(measured.audio_seconds),
                seconds(measured.median_seconds),
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
        note="The clock spans the diarization call. DER and JER are at collar 0, overlap scored.",
    )


def _recording(series: Series, measured: Measurement) -> tuple[str, ...]:
    score, spent = measured.score, measured.processing_seconds
    parts = (score.missed, score.false_alarm, score.confusion) if score else ()
    return (
        measured.uri,
        series.engine,
        length(measured.audio_seconds),
        seconds(measured.median_seconds),
        f"{seconds(min(spent))} to {seconds(max(spent))}, of {len(spent)}",
        f"{measured.real_time_factor:.3f}",
        f"{1 / measured.real_time_factor:.1f}",
        share(score.der) if score else _NO_REFERENCE,
        ", ".join(map(share, parts)) or _NO_REFERENCE,
        share(score.jer) if score else _NO_REFERENCE,
        f"{measured.speakers} of {score.speakers}" if score else str(measured.speakers),
        yes_or_no(measured.repeatable),
    )


def _totals(report: BenchmarkReport) -> Table:
    price = f"at ${report.price.usd_per_hour:g} an hour ({report.price.source})" if report.price else "no price given"
    return Table(
        title="Total over total",
        headings=(
            *("engine", "device", "audio", "RTF", "RTFx", "an hour of audio", "speaker count right"),
            *("an audio hour costs", "1,000 cost"),
        ),
        rows=tuple(_total(report, series) for series in report.series),
        note=f"Sums of medians over sums of durations. Cost is of a box that is always busy, {price}.",
    )


def _total(report: BenchmarkReport, series: Series) -> tuple[str, ...]:
    factor, cost = series.real_time_factor, report.usd_per_audio_hour(series)
    accuracy = series.speaker_count_accuracy
    return (
        series.engine,
        series.device,
        length(series.audio_seconds),
        f"{factor:.3f}",
        f"{1 / factor:.1f}",
        seconds(_AUDIO_HOUR * factor),
        _NO_REFERENCE if accuracy is None else share(accuracy),
        dollars(cost),
        dollars(None if cost is None else 1000 * cost),
    )


def _against_stock(report: BenchmarkReport) -> Table:
    totals = [(series, total_ratio(report, series)) for series in report.series]
    together = (f"{series.engine} {ratio:.2f} times sooner" for series, ratio in totals if ratio)
    return Table(
        title="Against stock pyannote",
        headings=("recording", "engine", "times sooner", "pair by pair", "output is stock's"),
        rows=tuple(map(_ratio, ratios(report))),
        note=f"By turns, in one run. In all: {', '.join(together)}.",
    )


def _ratio(found: Ratios) -> tuple[str, ...]:
    pairs = ", ".join(f"{pair:.2f}" for pair in found.pairs)
    return found.uri, found.engine, f"{found.median:.2f}", pairs, yes_or_no(found.same_output)


def _starts(report: BenchmarkReport) -> Table:
    return Table(
        title="From nothing",
        headings=(
            *("engine", "process", "imports", "verifying", "loading"),
            *("first call", "warm call", "to the first diarization"),
        ),
        rows=tuple(_start_rows(report)),
        note="New processes, each with its first call. The page cache may be warm.",
    )


def _start_rows(report: BenchmarkReport) -> Iterator[tuple[str, ...]]:
    for series in report.series:
        warm = {measured.uri: measured.median_seconds for measured in series.measurements}
        for start in series.starts:
            loading = start.loading
            spent = (loading.process, loading.imports, loading.verify, loading.load, start.first_call.seconds)
            yield (series.engine, *map(seconds, spent), seconds(warm.get(start.uri)), seconds(start.seconds))


def _stages(report: BenchmarkReport) -> Table:
    stages = ("decode", "segmentation", "embedding", "clustering", "reconstruction", "label", "write")
    return Table(
        title="Stages",
        headings=("recording", "engine", *stages),
        rows=tuple(
            (measured.uri, series.engine, *(seconds(getattr(measured.stages, stage)) for stage in stages))
            for series, measured in _each(report)
        ),
        note="Medians. Segmentation to reconstruction make up the diarization call; the others are outside it.",
    )


def _memory(report: BenchmarkReport) -> Table:
    return Table(
        title="Memory",
        headings=("recording", "engine", "resident", "torch allocated", "torch reserved", "GPU in use"),
        rows=tuple(
            (measured.uri, series.engine, *_peaks(measured)) for series, measured in _each(report) if measured.calls
        ),
        note="The most of any call, of the process that diarizes.",
    )


def _peaks(measured: Measurement) -> Iterator[str]:
    for kind in ("rss", "torch_allocated", "torch_reserved", "device_used"):
        found = [getattr(call.memory, kind) for call in measured.calls]
        yield megabytes(max((each for each in found if each is not None), default=None))


def _growth(report: BenchmarkReport) -> Table:
    fitted = [(series, growth(series)) for series in report.series]
    return Table(
        title="Growth",
        headings=("engine", "time grows as length to the", "resident without audio", "more for each audio hour"),
        rows=tuple(
            (series.engine, f"{found.exponent:.2f}", megabytes(found.base_bytes), megabytes(found.bytes_per_audio_hour))
            for series, found in fitted
            if found
        ),
        note="Least squares over all recordings; 1.00 is in proportion.",
    )


def _batches(report: BenchmarkReport) -> Table:
    return Table(
        title="Recordings in one process",
        headings=("engine", "recordings", "audio", "all", "each", "RTF, start included"),
        rows=tuple(
            (
                series.engine,
                str(batch.recordings),
                length(batch.audio_seconds),
                seconds(batch.seconds),
                seconds(batch.seconds / batch.recordings),
                f"{batch.seconds / batch.audio_seconds:.3f}",
            )
            for series in report.series
            for batch in series.batches
        ),
        note="From before the process was started to the last diarization.",
    )


def _absent(report: BenchmarkReport) -> Table:
    absent = report.environment.absent
    return Table(
        title=f"What is {NOT_MEASURED} of the machine",
        headings=("what", "why"),
        rows=tuple((name.replace("_", " "), why) for name, why in sorted(absent.items())),
    )


def _each(report: BenchmarkReport) -> Iterable[tuple[Series, Measurement]]:
    return ((series, measured) for series in report.series for measured in series.measurements)
