"""Measure, and write the report."""

import argparse
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.clustering.equality import on_random_sets, on_recordings
from benchmarks.clustering.step import ENGINES
from benchmarks.engines.models import verified
from benchmarks.engines.recordings import recordings
from diarize_runner.benchmark.environment import describe_environment
from diarize_runner.diarization.engine import load

_PER_HOUR = 3600
_DIMENSIONS = (192, 256)
"""Of CAM++ and of WeSpeaker's ResNet34."""
_BYTES_PER_PAIR = 16
"""scipy keeps two matrices of float64."""
_RECORDINGS = ("sample", "interview", "meeting-of-four")


def main() -> None:
    """Measure, and write the report after each part, so that an interruption loses only one."""
    arguments = _arguments()
    report: dict[str, object] = {"environment": describe_environment("cpu").to_dict()}
    for name, part in _parts(arguments):
        report[name] = part
        report["load_average_after"] = os.getloadavg()
        text = json.dumps(report, indent=2) + "\n"
        if arguments.output:
            arguments.output.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


def _parts(arguments: argparse.Namespace) -> Iterator[tuple[str, object]]:
    """Measure, and yield the name and the figures of each part of the report."""
    steps: list[dict[str, object]] = []
    for hours, dimension, engine in itertools.product(arguments.hours, _DIMENSIONS, ENGINES):
        steps.append(_step(engine, hours, dimension, arguments.memory_limit))
        yield "steps", steps
    yield "random_sets", on_random_sets(arguments.sets)
    if arguments.cache:
        yield "recordings", _on_recordings(arguments.cache)


def _arguments() -> argparse.Namespace:
    described = "Compare the exact engine's centroid linkage with scipy's: cluster numbers, time and memory."
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clustering", description=described)
    parser.add_argument("--hours", type=float, nargs="+", default=(1, 4, 12), help="of speech; default: 1 4 12")
    parser.add_argument("--sets", type=int, default=100, help="random sets of each kind; default: %(default)s")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="a restored cache: compare its embeddings, too")
    parser.add_argument(
        "--memory-limit",
        type=float,
        metavar="GB",
        default=12.0,
        help="extrapolate stock where it needs more; default: %(default)s",
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the figures as JSON")
    return parser.parse_args()


def _on_recordings(cache: Path) -> list[dict[str, object]]:
    diarizers = [load(verified(cache), "cpu", engine) for engine in ("exact", "fast")]
    return [*on_recordings(diarizers, [*recordings(_RECORDINGS)])]


def _step(engine: str, hours: float, dimension: int, memory_limit: float) -> dict[str, object]:
    """Measure one clustering in its own process, or extrapolate the memory of stock."""
    count = round(hours * _PER_HOUR)
    row: dict[str, object] = {"engine": engine, "hours": hours, "embeddings": count, "dimension": dimension}
    needed = _BYTES_PER_PAIR * count * (count - 1) // 2
    if engine == "stock" and needed > memory_limit * 1e9:
        return row | {"peak_bytes": needed, "extrapolated": True}
    command = [sys.executable, "-m", "benchmarks.clustering.step", engine]
    command += ["--count", str(count), "--dimension", str(dimension)]
    completed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    return row | json.loads(completed.stdout) | {"extrapolated": False}


if __name__ == "__main__":
    main()
