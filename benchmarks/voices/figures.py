"""Equal error rate, false accepts and false rejects, with 95 % intervals."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from benchmarks.voices.trials import Trial

_Z = 1.96
_RESAMPLES = 1_000


def figures(trials: Sequence[Trial], threshold: float) -> dict[str, object]:
    """Return the figures of trials of one kind."""
    scores = np.array([trial.score for trial in trials])
    genuine = np.array([trial.genuine for trial in trials])
    return {
        "equal_error_rate": equal_error_rate(scores, genuine, np.ones(len(trials))),
        "equal_error_rate_interval": _bootstrap(trials, scores, genuine),
        "false_rejects": _rate(
            [t for t in trials if t.genuine], [t for t in trials if t.genuine and t.score < threshold]
        ),
        "false_accepts": _rate(
            [t for t in trials if not t.genuine], [t for t in trials if not t.genuine and t.score >= threshold]
        ),
        "genuine_scores": _quantiles(scores[genuine]),
        "impostor_scores": _quantiles(scores[~genuine]),
    }


def equal_error_rate(
    scores: npt.NDArray[np.float64], genuine: npt.NDArray[np.bool_], weights: npt.NDArray[np.float64]
) -> float:
    """Return the rate at the threshold where the rates of false accepts and false rejects are nearest to each other."""
    order = np.argsort(scores)
    rejected = np.concatenate([[0.0], np.cumsum((weights * genuine)[order])]) / (weights * genuine).sum()
    accepted = 1 - np.concatenate([[0.0], np.cumsum((weights * ~genuine)[order])]) / (weights * ~genuine).sum()
    nearest = int(np.argmin(abs(rejected - accepted)))
    return float((rejected[nearest] + accepted[nearest]) / 2)


def wilson(errors: float, trials: int) -> tuple[float, float]:
    """Return the Wilson score interval of a rate: https://doi.org/10.1080/01621459.1927.10502953."""
    rate, spread = errors / trials, _Z * _Z / trials
    centre = rate + spread / 2
    half = _Z * math.sqrt(rate * (1 - rate) / trials + spread / trials / 4)
    return max(0.0, (centre - half) / (1 + spread)), min(1.0, (centre + half) / (1 + spread))


def _rate(trials: Sequence[Trial], errors: Sequence[Trial]) -> dict[str, object]:
    """Return a rate; its interval counts each pair of utterance and voice once, in how many enrolments it may recur."""
    pairs = len({(trial.utterance, trial.claimed) for trial in trials})
    rate = len(errors) / len(trials)
    return {"trials": len(trials), "pairs": pairs, "rate": rate, "interval": wilson(rate * pairs, pairs)}


def _bootstrap(
    trials: Sequence[Trial], scores: npt.NDArray[np.float64], genuine: npt.NDArray[np.bool_]
) -> tuple[float, float]:
    """Return the interval over resampled utterances, each with all its trials."""
    numbers = {utterance: number for number, utterance in enumerate(sorted({trial.utterance for trial in trials}))}
    utterance = np.array([numbers[trial.utterance] for trial in trials])
    random = np.random.default_rng(0)
    rates = []
    for _ in range(_RESAMPLES):
        times = np.bincount(random.integers(len(numbers), size=len(numbers)), minlength=len(numbers))
        rates.append(equal_error_rate(scores, genuine, times[utterance].astype(np.float64)))
    low, high = np.quantile(rates, (0.025, 0.975))
    return float(low), float(high)


def _quantiles(scores: npt.NDArray[np.float64]) -> dict[str, float]:
    names = {"least": 0.0, "5 %": 0.05, "median": 0.5, "95 %": 0.95, "greatest": 1.0}
    return {name: round(float(np.quantile(scores, share)), 4) for name, share in names.items()}
