"""Measure the engines with one model, in rounds."""

import itertools
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.engines.compare import Comparison, Run, run, totals
from benchmarks.engines.embeddings import similarity
from benchmarks.engines.models import verified
from benchmarks.engines.recordings import recordings
from diarize_runner.diarization.audio import Recording
from diarize_runner.diarization.engine import Diarizer, load

_WARM_UP = "one-chunk"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rounds:
    """What to measure; a spawned process receives it."""

    folders: dict[str, Path]
    """Of each model's restored cache."""
    device: str
    engines: Sequence[str]
    rounds: int
    only: Sequence[str]
    """Names of recordings; all if empty."""


def measure_models(plan: Rounds) -> dict[str, dict[str, object]]:
    """Measure the engines with each model."""
    return {name: _measure(folder, plan) for name, folder in plan.folders.items()}


def _measure(folder: Path, plan: Rounds) -> dict[str, object]:
    """Measure the engines with one model."""
    cache, selected = verified(folder), [*recordings(plan.only)]
    diarizers = [load(cache, plan.device, engine) for engine in plan.engines]
    (short,) = recordings([_WARM_UP])
    for diarizer in diarizers:  # one-time initialisation
        run(diarizer, short)
    runs: dict[str, list[Run]] = {each.uri: [] for each in selected}
    for number, recording in itertools.product(range(plan.rounds), selected):
        order = diarizers if number % 2 == 0 else diarizers[::-1]
        runs[recording.uri] += [run(diarizer, recording) for diarizer in order]
        _print_round(cache.manifest.name, _comparison(recording, runs[recording.uri][-len(order) :]))
    total = totals([_comparison(recording, runs[recording.uri]) for recording in selected])
    sys.stdout.write(f"{cache.manifest.name}: speed-up, by sums of medians: {total['speed_up']}\n")
    return total | _similarity(diarizers, selected)


def _similarity(diarizers: Sequence[Diarizer], selected: Sequence[Recording]) -> dict[str, object]:
    """Return the median cosine of the exact and fast engines' embeddings on each recording with speech."""
    by_engine = {diarizer.engine: diarizer for diarizer in diarizers}
    if not {"exact", "fast"} <= by_engine.keys():
        return {}
    exact, fast = by_engine["exact"], by_engine["fast"]
    cosines = {recording.uri: similarity(exact, fast, recording) for recording in selected}
    found = {uri: round(cosine, 4) for uri, cosine in cosines.items() if math.isfinite(cosine)}
    sys.stdout.write(f"median cosine of exact and fast embeddings: {found}\n")
    return {"median_cosine_of_exact_and_fast": found}


def _comparison(recording: Recording, runs: Sequence[Run]) -> Comparison:
    return Comparison(uri=recording.uri, audio_seconds=recording.duration, runs=tuple(runs))


def _print_round(model: str, comparison: Comparison) -> None:
    times = "   ".join(f"{engine} {comparison.seconds(engine):8.2f} s" for engine in comparison.engines)
    same = "same" if comparison.same else "DIFFERENT"
    sys.stdout.write(f"{model:<9} {comparison.uri:<30} {comparison.audio_seconds:7.1f} s   {times}   {same}\n")
    sys.stdout.flush()
