"""Many recordings on a Ray cluster with real models, while a node and the driver die; compared with one process."""

import random
import sys
import time
import wave
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.batch.overhead import COMMAND, run
from benchmarks.provision.site import ROOT
from diarize_runner.benchmark.workload import shipped_sample

sys.path.append(str(ROOT / "tests"))
from support.ray_cluster import local_ray

_SECONDS = 5
"""Of a recording: a piece of the shipped sample."""


def measure(cache: Path, count: int) -> dict[str, object]:
    """Return what a run with deaths gave; fail if a result is missing or differs from that of one process."""
    with TemporaryDirectory(prefix="bench-batch-", dir="/var/tmp") as work:
        folder = Path(work) / "in"
        _cut(folder, count)
        options = ("--cache", cache, "--device", "cpu")
        began = time.monotonic()
        run(*COMMAND, "batch", folder, Path(work) / "alone", *options)
        alone = time.monotonic() - began
        began = time.monotonic()
        deaths = _run_with_deaths(folder, Path(work) / "ray", options)
        expected, found = _results(Path(work) / "alone"), _results(Path(work) / "ray")
        if found != expected or len(found) != count:
            raise SystemExit(f"error: {len(found)} results, {len(expected)} expected, or their bytes differ")
        return {
            "recordings": count,
            "recording_seconds": _SECONDS,
            "results_equal_to_one_process": len(found),
            "seconds_of_one_process": alone,
            "seconds_with_deaths": time.monotonic() - began,
            **deaths,
        }


def _cut(folder: Path, count: int) -> None:
    """Write recordings that begin at different times of the sample."""
    folder.mkdir()
    with wave.open(str(shipped_sample().audio)) as sample:
        rate, width, frames = sample.getframerate(), sample.getsampwidth(), sample.readframes(sample.getnframes())
    size = _SECONDS * rate * width
    step = (len(frames) - size) // count // width * width
    for number in range(count):
        with wave.open(str(folder / f"{number:03}.wav"), "wb") as piece:
            piece.setparams((1, width, rate, 0, "NONE", ""))
            piece.writeframes(frames[number * step : number * step + size])


def _run_with_deaths(folder: Path, output: Path, options: tuple[object, ...]) -> dict[str, object]:
    """Kill one of two nodes when some results are there, add another, kill the driver, and run it again."""
    chance = random.Random(21)  # noqa: S311  # no secret
    count = len(list(folder.iterdir()))
    with local_ray(OMP_NUM_THREADS="1", HOME=str(Path.home())) as cluster:
        nodes = [cluster.add_node(), cluster.add_node()]
        words = ("batch", folder, output, "--on", f"ray://{cluster.address}", *options)
        driver = cluster.drive(*words)
        at_node = _wait_for(output, chance.randrange(count // 8, count // 3))
        nodes[chance.randrange(2)].kill()
        cluster.add_node()
        at_driver = _wait_for(output, chance.randrange(count // 2, 3 * count // 4))
        driver.kill()
        again = cluster.drive(*words)
        if again.wait():
            raise SystemExit(f"error: {again.text}")
    return {"results_when_a_node_died": at_node, "results_when_the_driver_died": at_driver}


def _wait_for(output: Path, results: int) -> int:
    deadline = time.monotonic() + 600
    while (found := len(_results(output))) < results:
        if time.monotonic() > deadline:
            raise SystemExit(f"error: {found} results after 10 minutes")
        time.sleep(0.2)
    return found


def _results(output: Path) -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in output.glob("*/results/*.json")}
