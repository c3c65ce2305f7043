"""The accuracy of a report as tables of text: pooled over all recordings, and each recording, the worst first."""

from diarize_runner.benchmark.accuracy import INTERVAL, Accuracy, pool, worst_first
from diarize_runner.benchmark.alignment import KINDS, ErrorSeconds
from diarize_runner.benchmark.formats.figures import NOT_MEASURED, format_duration, format_percent
from diarize_runner.benchmark.formats.table import Table
from diarize_runner.benchmark.measurement import Measurement, Score
from diarize_runner.benchmark.report import BenchmarkReport

WORST_FIRST = "Recordings, the worst first"


def accuracy_table(report: BenchmarkReport) -> Table:
    """Return a row for each engine; no rows without references."""
    pooled = [(series, pool(series)) for series in report.series]
    return Table(
        title="Accuracy",
        headings=(
            *("engine", "recordings", "speech", "DER", f"{100 * INTERVAL:.0f} % interval", *KINDS),
            *("JER", "right speaker counts", "sum of count errors"),
        ),
        rows=tuple((series.engine, *_pooled(accuracy)) for series, accuracy in pooled if accuracy),
        note="All errors / all speech of the references, at collar 0, overlap scored. The interval is from a bootstrap "
        "over recordings. JER is the mean over all speakers.",
    )


def worst_first_table(report: BenchmarkReport) -> Table:
    """Return a row for each scored recording and engine."""
    return Table(
        title=WORST_FIRST,
        headings=("recording", "engine", "DER", *KINDS, "JER", "speakers", "speech"),
        rows=tuple(
            (measured.uri, series.engine, *format_scored(measured, score, seconds))
            for series in report.series
            for measured, score, seconds in worst_first(series)
        ),
    )


def format_scored(measured: Measurement, score: Score, seconds: ErrorSeconds) -> tuple[str, ...]:
    """Return the cells of one recording, from DER on."""
    rates = (score.der, score.missed, score.false_alarm, score.confusion, score.jer)
    return (
        *map(format_percent, rates),
        f"{measured.counted_speakers} of {score.speakers}",
        format_duration(seconds.speech),
    )


def format_interval(accuracy: Accuracy) -> str:
    """Return the bootstrap interval, such as `26.9 to 38.6 %`."""
    if accuracy.der_interval is None:
        return NOT_MEASURED
    low, high = accuracy.der_interval
    return f"{100 * low:.1f} to {100 * high:.1f} %"


def _pooled(accuracy: Accuracy) -> tuple[str, ...]:
    rates = (accuracy.missed, accuracy.false_alarm, accuracy.confusion, accuracy.jer)
    return (
        str(accuracy.recordings),
        format_duration(accuracy.speech_seconds),
        format_percent(accuracy.der),
        format_interval(accuracy),
        *map(format_percent, rates),
        f"{accuracy.right_counts} of {accuracy.recordings}",
        str(accuracy.count_error),
    )
