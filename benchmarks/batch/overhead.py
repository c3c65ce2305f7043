"""Throughput of a batch beside `diarize-runner diarize` on the same recordings.

Loading is left out: from the first result of every worker to the last result, by the times of the files. Each way has
all cores: one process uses them all, and each of two nodes of a Ray cluster half of them.
"""

import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.provision.site import ROOT
from diarize_runner.benchmark.workload import shipped_sample

sys.path.append(str(ROOT / "tests"))
from support.ray_cluster import local_ray

_NODES = os.cpu_count() or 1
COMMAND = (sys.executable, "-m", "diarize_runner")


@dataclass(frozen=True, kw_only=True)
class Way:
    """How to diarize a folder."""

    workers: int
    run: Callable[[Path], None]
    """Takes the folder for the results."""


def measure(cache: Path, count: int, rounds: int) -> dict[str, object]:
    """Return recordings a second of each way, in alternation, and the ratio of the medians."""
    with TemporaryDirectory(prefix="bench-batch-", dir="/var/tmp") as work, ExitStack() as stack:
        recordings = _copies(Path(work), count)
        ways = _ways(recordings, cache, stack)
        rates: dict[str, list[float]] = {name: [] for name in ways}
        loads = []
        for number in range(rounds):
            for name, way in list(ways.items())[:: -1 if number % 2 else 1]:
                loads.append(os.getloadavg()[0])
                rates[name].append(_rate(way, Path(work) / f"{name}-{number}"))
    medians = {name: statistics.median(found) for name, found in rates.items()}
    return {
        "recordings": count,
        "recordings_a_second": rates,
        "load_averages_before_each_turn": loads,
        "batch_to_diarize": medians["batch"] / medians["diarize"],
        "ray_to_diarize": medians["ray"] / medians["diarize"],
    }


def _copies(work: Path, count: int) -> Sequence[Path]:
    """Return copies of the shipped sample of 30 s."""
    (work / "in").mkdir()
    paths = [work / "in" / f"{number:03}.wav" for number in range(count)]
    for path in paths:
        shutil.copyfile(shipped_sample().audio, path)
    return paths


def _ways(recordings: Sequence[Path], cache: Path, stack: ExitStack) -> dict[str, Way]:
    folder, options = recordings[0].parent, ("--cache", cache, "--device", "cpu")
    cluster = stack.enter_context(local_ray(OMP_NUM_THREADS="1", HOME=str(Path.home())))
    for _ in range(_NODES):
        cluster.add_node()

    def diarize(output: Path) -> None:
        run(*COMMAND, "diarize", *recordings, "--output-dir", output, "--formats", "json", *options)

    def batch(output: Path) -> None:
        run(*COMMAND, "batch", folder, output, *options)

    def ray(output: Path) -> None:
        driver = cluster.drive("batch", folder, output, "--on", f"ray://{cluster.address}", *options)
        if driver.wait():
            raise SystemExit(f"error: {driver.text}")

    return {
        "diarize": Way(workers=1, run=diarize),
        "batch": Way(workers=1, run=batch),
        "ray": Way(workers=_NODES, run=ray),
    }


def _rate(way: Way, output: Path) -> float:
    """Return recordings a second, after the first of each worker."""
    way.run(output)
    times = sorted(path.stat().st_mtime for path in output.rglob("*.wav*.json")) or sorted(
        path.stat().st_mtime for path in output.rglob("*.json")
    )
    return (len(times) - way.workers) / (times[-1] - times[way.workers - 1])


def run(*command: object) -> None:
    """Run a command, which must succeed."""
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # our own
