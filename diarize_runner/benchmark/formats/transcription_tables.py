"""Tables of a benchmark that transcribes: time and word errors."""

from collections.abc import Iterator

from diarize_runner.benchmark.formats.figures import NOT_MEASURED, format_percent, format_seconds
from diarize_runner.benchmark.formats.table import Table
from diarize_runner.benchmark.measurement import Measurement
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.benchmark.word_errors import WordErrors

HEADINGS = ("transcription (median)", "RTF of transcription", "WER")
_NO_REFERENCE = "no reference"


def transcription_table(report: BenchmarkReport) -> Table:
    """Return a row for each recording that was transcribed."""
    return Table(
        title="Transcription",
        headings=("recording", "engine", "transcriber", *HEADINGS, "substituted, inserted, deleted"),
        rows=tuple(
            (measured.uri, series.engine, series.transcriber, *figures(measured), _errors(measured.words))
            for series in report.series
            if series.transcriber
            for measured in series.measurements
        ),
        note="WER: word errors / words of the reference; case and punctuation are ignored.",
    )


def transcribes(report: BenchmarkReport) -> bool:
    """Whether a series of the report has transcriptions."""
    return any(series.transcriber for series in report.series)


def figures(measured: Measurement) -> tuple[str, ...]:
    """Return the cells for HEADINGS."""
    factor = measured.transcription_real_time_factor
    return (
        format_seconds(measured.stages.transcription),
        NOT_MEASURED if factor is None else f"{factor:.3f}",
        format_percent(measured.words.rate) if measured.words else _NO_REFERENCE,
    )


def transcribers(report: BenchmarkReport) -> str:
    """Return a sentence that names the transcription models."""
    names = dict.fromkeys(series.transcriber for series in report.series if series.transcriber)
    return f"Transcribed with {', '.join(names)}." if names else ""


def transcription_lines(report: BenchmarkReport) -> Iterator[str]:
    """Yield the time and the WER of the transcription beside each engine, over all recordings."""
    for series in report.series:
        if series.transcription_seconds is None:
            continue
        factor = series.transcription_seconds / series.audio_seconds
        line = f"{series.engine}: transcribed in {format_seconds(series.transcription_seconds)}, RTF {factor:.3f}"
        if series.word_error_rate is not None:
            words = sum(measured.words.words for measured in series.measurements if measured.words)
            line += f", WER {format_percent(series.word_error_rate)} of {words:,} words"
        yield line


def _errors(words: WordErrors | None) -> str:
    if words is None:
        return _NO_REFERENCE
    return f"{words.substitutions}, {words.insertions}, {words.deletions} of {words.words}"
