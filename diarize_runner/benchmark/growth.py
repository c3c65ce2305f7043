"""How cost grows with the length of a recording: time as a power of it, memory as a line over it."""

import math
import statistics
from dataclasses import dataclass

from diarize_runner.benchmark.measurement import Series

_FEWEST = 3
_LEAST_SPAN = 4.0
"""The longest over the shortest; less says nothing of growth."""
_HOUR = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Growth:
    """What a least-squares fit over the recordings of one series says."""

    exponent: float
    """Processing time grows as duration to this power: 1 is in proportion, 2 four times for twice the length."""
    base_bytes: float | None
    """Resident at the most for no audio at all; None where memory was not measured."""
    bytes_per_audio_hour: float | None


def growth(series: Series) -> Growth | None:
    """Fit; None where there are too few lengths, or too much alike, to say anything."""
    durations = {measured.audio_seconds for measured in series.measurements}
    if len(durations) < _FEWEST or max(durations) < _LEAST_SPAN * min(durations):
        return None
    slope, _ = statistics.linear_regression(
        [math.log(measured.audio_seconds) for measured in series.measurements],
        [math.log(measured.median_seconds) for measured in series.measurements],
    )
    per_hour, base = _memory(series)
    return Growth(exponent=slope, base_bytes=base, bytes_per_audio_hour=per_hour)


def _memory(series: Series) -> tuple[float | None, float | None]:
    peaks = [measured.peak_rss for measured in series.measurements]
    known = [peak for peak in peaks if peak is not None]
    if len(known) < len(peaks):
        return None, None
    hours = [measured.audio_seconds / _HOUR for measured in series.measurements]
    fitted = statistics.linear_regression(hours, known)
    return fitted.slope, fitted.intercept
