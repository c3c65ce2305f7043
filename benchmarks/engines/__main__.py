"""Run the rounds, and write the report."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.engines.cores import available_cores, run_on_cores
from benchmarks.engines.models import embedded, twin, verified
from benchmarks.engines.rounds import Rounds, measure_models
from benchmarks.engines.trunk_speed import measure_trunk
from diarize_runner.benchmark.environment import describe_environment
from diarize_runner.cache.box.verify import VerifiedCache

_MODELS = ("twin", "embedded")
_ENGINES = ("stock", "exact", "fast")


def main() -> None:
    """Measure, and write the report; fail if the engines' outputs differ."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="bench-engines-") as folder:
        trained = verified(arguments.cache) if arguments.cache else embedded(Path(folder))
        caches = {"twin": twin(Path(folder)), "embedded": trained}
        plan = _rounds(caches, arguments)
        by_cores = {count: run_on_cores(count, measure_models, plan) for count in arguments.cores}
        figures = {} if by_cores else measure_models(plan)
        trunk = measure_trunk(caches["twin"]) if arguments.device == "cpu" else None
        mostly_silent = _measure_mostly_silent(caches["twin"], arguments) if arguments.hours else None
    report = {
        "environment": describe_environment(arguments.device).to_dict(),
        "load_average": os.getloadavg(),
        "rounds": arguments.rounds,
        "models": figures,
        "models_by_cores": by_cores,
        "trunk_of_twin": trunk,
        "mostly_silent": mostly_silent,
    }
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if not all(each["same"] for models in (figures, *by_cores.values()) for each in models.values()):
        sys.exit("error: the engines' outputs differ")


def _rounds(caches: dict[str, VerifiedCache], arguments: argparse.Namespace) -> Rounds:
    return Rounds(
        folders={name: caches[name].root for name in arguments.models},
        device=arguments.device,
        engines=arguments.engines,
        rounds=arguments.rounds,
        only=arguments.only,
    )


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
    described = "measure with the first N cores and N torch threads, for each N; default: once, with all"
    parser.add_argument("--cores", nargs="+", type=_core_count, metavar="N", default=(), help=described)
    parser.add_argument("--cache", type=Path, metavar="DIR", help="a restored embedded cache; default: build one")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON")
    return parser.parse_args()


def _core_count(text: str) -> int:
    count = int(text)
    if not 1 <= count <= available_cores():
        raise argparse.ArgumentTypeError(f"{count}; this machine has 1 to {available_cores()}")
    return count


def _measure_mostly_silent(cache: VerifiedCache, arguments: argparse.Namespace) -> dict[str, object]:
    """Measure a long recording in its own process."""
    command = [sys.executable, "-m", "benchmarks.engines.memory", str(cache.root)]
    command += ["--hours", str(arguments.hours), "--device", arguments.device, "--engine", arguments.engines[-1]]
    completed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    figures: dict[str, object] = json.loads(completed.stdout)
    sys.stdout.write(f"mostly silent: {figures}\n")
    return figures


if __name__ == "__main__":
    main()
