"""Fit how cost grows with the duration of a recording: time as a power law, memory as a line."""

import math
import statistics
from dataclasses import dataclass

from diarize_runner.benchmark.measurement import Series

_MIN_DURATIONS = 3
_MIN_RANGE = 4.0
"""Longest / shortest; a fit over less means nothing."""
_HOUR = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Growth:
    """A least-squares fit over the recordings of one series."""

    exponent: float
    """Processing time grows as duration to this power: 1 is linear, 2 quadratic."""
    base_bytes: float | None
    """Peak RSS, extrapolated to no audio; None if memory was not measured."""
    bytes_per_audio_hour: float | None


def fit_growth(series: Series) -> Growth | None:
    """Fit a series; return None if durations are too few or too similar."""
    durations = {measured.audio_seconds for measured in series.measurements}
    if len(durations) < _MIN_DURATIONS or max(durations) < _MIN_RANGE * min(durations):
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
