"""Run the rounds, and write the report."""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from diarize_runner.benchmark.environment import describe_environment
from diarize_runner.benchmark.item import shipped_sample

_HERE = Path(__file__).resolve().parents[2]
_DROP_CACHES = Path("/proc/sys/vm/drop_caches")


@dataclass(frozen=True, kw_only=True)
class Start:
    """One run of the command."""

    seconds: float
    cpu_seconds: float
    load_average: float
    """Of the minute before."""
    output: str
    """Digest of what it printed."""


def main() -> None:
    """Measure, print, and write the report; fail if the outputs differ."""
    arguments = _arguments()
    checkouts = {"this": _HERE, **({"against": arguments.against.resolve()} if arguments.against else {})}
    starts: dict[str, list[Start]] = {name: [] for name in checkouts}
    for number in range(arguments.rounds + 1):
        for name, checkout in checkouts.items():
            start = _start(checkout, arguments)
            if number:
                starts[name].append(start)
    outputs = {start.output for each in starts.values() for start in each}
    report = {
        "command": " ".join(["python -m benchmarks.startup", *sys.argv[1:]]),
        "environment": describe_environment("cpu").to_dict(),
        "page_cache": "cold" if arguments.cold else "warm",
        "starts": {name: _figures(each) for name, each in starts.items()},
        "equal_outputs": len(outputs) == 1,
    }
    text = json.dumps(report, indent=2) + "\n"
    sys.stdout.write(text)
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")
    if len(outputs) != 1:
        sys.exit("error: the outputs differ")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-startup", description="Time a start of diarize-runner diarize.")
    parser.add_argument("--cache", type=Path, required=True, metavar="DIR", help="a restored cache")
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="another checkout of this repository")
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--cold", action="store_true", help="empty the page cache before each run (root)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON")
    return parser.parse_args()


def _start(checkout: Path, arguments: argparse.Namespace) -> Start:
    if arguments.cold:
        os.sync()
        _DROP_CACHES.write_text("3", encoding="ascii")
    recording, cache = shipped_sample().audio, arguments.cache.absolute()
    command = [sys.executable, "-m", "diarize_runner", "diarize", recording, "--cache", cache, "--device", "cpu"]
    load, before, began = os.getloadavg()[0], _cpu_seconds(), time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    done = subprocess.run(  # noqa: S603
        command, cwd="/", env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
    )
    seconds = time.perf_counter() - began
    digest = hashlib.sha256(done.stdout).hexdigest()
    return Start(seconds=seconds, cpu_seconds=_cpu_seconds() - before, load_average=load, output=digest)


def _cpu_seconds() -> float:
    """Return the CPU time of the children that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def _figures(starts: list[Start]) -> dict[str, object]:
    return {
        "median_seconds": statistics.median(start.seconds for start in starts),
        "median_cpu_seconds": statistics.median(start.cpu_seconds for start in starts),
        "seconds": [start.seconds for start in starts],
        "cpu_seconds": [start.cpu_seconds for start in starts],
        "load_averages": [start.load_average for start in starts],
    }


if __name__ == "__main__":
    main()
