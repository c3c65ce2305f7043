"""Run the rounds, and write the report."""

import argparse
import itertools
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.engines.compare import Comparison, Run, run, totals
from benchmarks.engines.embeddings import similarity
from benchmarks.engines.models import embedded, twin, verified
from benchmarks.engines.recordings import recordings
from benchmarks.engines.trunk_speed import measure_trunk
from diarize_runner.benchmark.environment import describe_environment
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.diarization.audio import Recording
from diarize_runner.diarization.engine import Diarizer, load

_MODELS = ("twin", "embedded")
_ENGINES = ("stock", "exact", "fast")
_WARM_UP = "one-chunk"


def main() -> None:
    """Measure, and write the report; fail if the engines' outputs differ."""
    arguments = _arguments()
    selected = [*recordings(arguments.only)]
    with tempfile.TemporaryDirectory(prefix="bench-engines-") as folder:
        trained = verified(arguments.cache) if arguments.cache else embedded(Path(folder))
        caches = {"twin": twin(Path(folder)), "embedded": trained}
        figures = {name: _measure(caches[name], selected, arguments) for name in arguments.models}
        trunk = measure_trunk(caches["twin"]) if arguments.device == "cpu" else None
        mostly_silent = _measure_mostly_silent(caches["twin"], arguments) if arguments.hours else None
    report = {
        "environment": describe_environment(arguments.device).to_dict(),
        "load_average": os.getloadavg(),
        "rounds": arguments.rounds,
        "models": figures,
        "trunk_of_twin": trunk,
        "mostly_silent": mostly_silent,
    }
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if not all(each["same"] for each in figures.values()):
        sys.exit("error: the engines' outputs differ")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench-engines", description="Measure the speed-up of the exact and fast engines over stock."
    )
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cpu", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--engines", nargs="+", choices=_ENGINES, default=_ENGINES, help="default: all")
    parser.add_argument("--models", nargs="+", choices=_MODELS, default=_MODELS, help="default: both")
    parser.add_argument("--only", nargs="+", metavar="NAME", default=(), help="names of recordings; default: all")
    described = "hours of the mostly silent recording; 0 skips it (default: %(default)s)"
    parser.add_argument("--hours", type=float, default=4.0, help=described)
    parser.add_argument("--cache", type=Path, metavar="DIR", help="a restored embedded cache; default: build one")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON")
    return parser.parse_args()


def _measure(cache: VerifiedCache, selected: Sequence[Recording], arguments: argparse.Namespace) -> dict[str, object]:
    """Measure the engines with one model."""
    diarizers = [load(cache, arguments.device, engine) for engine in arguments.engines]
    (short,) = recordings([_WARM_UP])
    for diarizer in diarizers:  # one-time initialisation
        run(diarizer, short)
    runs: dict[str, list[Run]] = {each.uri: [] for each in selected}
    for number, recording in itertools.product(range(arguments.rounds), selected):
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


def _measure_mostly_silent(cache: VerifiedCache, arguments: argparse.Namespace) -> dict[str, object]:
    """Measure a long recording in its own process."""
    command = [sys.executable, "-m", "benchmarks.engines.memory", str(cache.root)]
    command += ["--hours", str(arguments.hours), "--device", arguments.device, "--engine", arguments.engines[-1]]
    completed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    figures: dict[str, object] = json.loads(completed.stdout)
    sys.stdout.write(f"mostly silent: {figures}\n")
    return figures


def _print_round(model: str, comparison: Comparison) -> None:
    times = "   ".join(f"{engine} {comparison.seconds(engine):8.2f} s" for engine in comparison.engines)
    same = "same" if comparison.same else "DIFFERENT"
    sys.stdout.write(f"{model:<9} {comparison.uri:<30} {comparison.audio_seconds:7.1f} s   {times}   {same}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
