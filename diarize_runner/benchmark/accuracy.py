"""Accuracy over all recordings of a series: pooled error rates, speaker counts, and a bootstrap interval."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from diarize_runner.benchmark.alignment import ErrorSeconds, Region
from diarize_runner.benchmark.measurement import Measurement, Score, Series

Scored = tuple[Measurement, Score, ErrorSeconds]
"""A recording with a reference."""

INTERVAL = 0.9
"""Probability of the bootstrap interval."""
_RESAMPLES, _SEED = 1_000, 0
_MIN_RECORDINGS = 2
"""For an interval."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Accuracy:
    """Errors of all scored recordings together, as fractions of the speech in their references."""

    recordings: int
    speech_seconds: float
    """In the references, inside the scored regions."""
    der: float
    """All errors / all speech: long recordings weigh more."""
    der_interval: Region | None
    """Of the pooled DER, when recordings are drawn with replacement; None for a single recording."""
    missed: float
    false_alarm: float
    confusion: float
    jer: float | None
    """The mean over all speakers of all references."""
    right_counts: int
    """Recordings with the right number of speakers."""
    count_error: int
    """The sum over recordings of the absolute error of the number of speakers."""


def pool(series: Series) -> Accuracy | None:
    """Pool the scored recordings; return None if no reference has speech, or the report has format 1 or 2."""
    scored = _scored(series)
    seconds = [part for _, _, part in scored]
    speech = sum(part.speech for part in seconds)
    if not speech:
        return None
    count_errors = [_count_error(measured, score) for measured, score, _ in scored]
    return Accuracy(
        recordings=len(scored),
        speech_seconds=speech,
        der=_error_rate(seconds),
        der_interval=_bootstrap(seconds),
        missed=sum(part.missed for part in seconds) / speech,
        false_alarm=sum(part.false_alarm for part in seconds) / speech,
        confusion=sum(part.confusion for part in seconds) / speech,
        jer=_pool_jer([score for _, score, _ in scored]),
        right_counts=count_errors.count(0),
        count_error=sum(count_errors),
    )


def worst_first(series: Series) -> list[Scored]:
    """Return the scored recordings, the highest DER first; equal ones in the order of the workload."""
    return sorted(_scored(series), key=lambda scored: -scored[1].der)


def _scored(series: Series) -> list[Scored]:
    found = ((measured, measured.score) for measured in series.measurements)
    return [(measured, score, score.seconds) for measured, score in found if score and score.seconds]


def _count_error(measured: Measurement, score: Score) -> int:
    return abs(measured.counted_speakers - score.speakers)


def _error_rate(seconds: Sequence[ErrorSeconds]) -> float:
    return sum(each.errors for each in seconds) / sum(each.speech for each in seconds)


def _pool_jer(scores: Sequence[Score]) -> float | None:
    rates = [(score.jer, score.speakers) for score in scores if score.jer is not None and score.speakers]
    return sum(rate * speakers for rate, speakers in rates) / sum(speakers for _, speakers in rates) if rates else None


def _bootstrap(seconds: Sequence[ErrorSeconds]) -> Region | None:
    """Return the percentiles of the pooled DER over resamples; equal recordings give equal intervals everywhere.

    Only `Random.random` is the same in all Python releases: https://docs.python.org/3/library/random.html#notes-on-reproducibility
    """
    if len(seconds) < _MIN_RECORDINGS:
        return None
    draw = random.Random(_SEED).random  # noqa: S311  # statistics, not a secret
    resamples = ([seconds[int(draw() * len(seconds))] for _ in seconds] for _ in range(_RESAMPLES))
    rates = sorted(_error_rate(drawn) for drawn in resamples if any(each.speech for each in drawn))
    tail = round((1 - INTERVAL) / 2 * (len(rates) - 1))
    return (rates[tail], rates[-1 - tail]) if rates else None
