"""The rounds, and the report."""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.engines.compare import Compared, Run, run, totals
from benchmarks.engines.floor import floor
from benchmarks.engines.models import embedded, twin, verified
from benchmarks.engines.recordings import recordings
from diarize_runner.benchmark.environment import environment
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.diarization.audio import Recording
from diarize_runner.diarization.engine import load

_MODELS = ("twin", "embedded")
_ENGINES = ("stock", "exact")
_WARM_UP = "one-chunk"


def main() -> None:
    """Measure, print, write; fail where the engines differ."""
    arguments = _arguments()
    chosen = [*recordings(arguments.only)]
    with tempfile.TemporaryDirectory(prefix="bench-engines-") as folder:
        trained = verified(arguments.cache) if arguments.cache else embedded(Path(folder))
        caches = {"twin": twin(Path(folder), trained), "embedded": trained}
        figures = {name: _measured(caches[name], chosen, arguments) for name in arguments.models}
        trunk = floor(caches["twin"]) if arguments.device == "cpu" else None
        long = _mostly_silent(caches["twin"], arguments) if arguments.hours else None
    report = {
        "environment": environment(arguments.device).to_dict(),
        "load_average": os.getloadavg(),
        "rounds": arguments.rounds,
        "models": figures,
        "trunk_of_twin": trunk,
        "mostly_silent": long,
    }
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if not all(each["same"] for each in figures.values()):
        sys.exit("error: the engines differ")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-engines", description="How fast the exact engine is.")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cpu", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--models", nargs="+", choices=_MODELS, default=_MODELS, help="default: both")
    parser.add_argument("--only", nargs="+", metavar="NAME", default=(), help="of the recordings; default: all")
    parser.add_argument("--hours", type=float, default=4.0, help="of mostly silence; 0: none (default: %(default)s)")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="the embedded cache, restored; default: it is made")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON")
    return parser.parse_args()


def _measured(cache: VerifiedCache, chosen: Sequence[Recording], arguments: argparse.Namespace) -> dict[str, object]:
    """Return what both engines took with one model."""
    diarizers = [load(cache, arguments.device, engine) for engine in _ENGINES]
    (short,) = recordings([_WARM_UP])
    for diarizer in diarizers:  # what is done only once is done before the clock runs
        run(diarizer, short)
    runs: dict[str, list[Run]] = {each.uri: [] for each in chosen}
    for number, recording in itertools.product(range(arguments.rounds), chosen):
        in_turn = diarizers if number % 2 == 0 else diarizers[::-1]
        runs[recording.uri] += [run(diarizer, recording) for diarizer in in_turn]
        _say(cache.manifest.name, _compared(recording, runs[recording.uri][-len(in_turn) :]))
    together = totals([_compared(recording, runs[recording.uri]) for recording in chosen])
    sys.stdout.write(f"{cache.manifest.name}: {together['ratio']:.2f} times sooner, sums of medians\n")
    return together


def _compared(recording: Recording, runs: Sequence[Run]) -> Compared:
    return Compared(uri=recording.uri, audio_seconds=recording.duration, runs=tuple(runs))


def _mostly_silent(cache: VerifiedCache, arguments: argparse.Namespace) -> dict[str, object]:
    """Return what a long recording took, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.engines.memory", str(cache.root)]
    command += ["--hours", str(arguments.hours), "--device", arguments.device]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    said: dict[str, object] = json.loads(done.stdout)
    sys.stdout.write(f"mostly silent: {said}\n")
    return said


def _say(model: str, compared: Compared) -> None:
    stock, exact = (compared.seconds(engine) for engine in _ENGINES)
    sys.stdout.write(
        f"{model:<9} {compared.uri:<30} {compared.audio_seconds:7.1f} s   stock {stock:8.2f} s   exact {exact:7.2f} s"
        f"   {stock / exact:5.1f} times sooner   {'same' if compared.same else 'DIFFERENT'}\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main()
