"""Run the rounds, and write the report."""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.many.store import kept_version, link_store
from benchmarks.refresh.steps import STEPS, Taken, take
from benchmarks.refresh.versions import Version, change_package, change_toolkit, derive, describe_sizes
from benchmarks.restore.__main__ import machine, table
from benchmarks.restore.servers import Web, nginx
from benchmarks.restore.site import change_one_blob, make_site

_CHANGES = {
    "toolkit": change_toolkit,
    "package_of_rest": change_package("pyannote_audio", "rest"),
    "package_of_cuda": change_package("torch", "cuda"),
}
_FIRST, _NOTHING = "first", "nothing"
_MIB_OF_CHANGED_WEIGHTS = 32
_STORE, _MODELS = "store", "models"
"""Folders of the stores, below the folder that nginx serves."""

Figures = dict[str, dict[str, list[Taken]]]
"""By change, then by step."""


def main() -> None:
    """Measure, print, and write the report."""
    parser = argparse.ArgumentParser(prog="make bench-refresh", description="Measure what a refresh of a box moves.")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-refresh-", dir="/var/tmp") as name:  # 16 GB
        report = {
            "command": " ".join(["python -m benchmarks.refresh", *sys.argv[1:]]),
            "machine": machine(),
            **_measure(Path(name), arguments.rounds),
        }
    sys.stdout.write(table(report) + "\n")
    if arguments.output:
        arguments.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _measure(work: Path, rounds: int) -> dict[str, object]:
    first = Version.read(kept_version())
    versions = publish_versions(first, work)
    models = _publish_models(work / _MODELS)
    figures: Figures = {}
    with nginx(work) as web:
        for number in range(rounds):
            box = work / f"box-{number}"
            measure_packages(versions, web, box, figures)
            _measure_models(models, web, box / "other", figures)
            shutil.rmtree(box)
    return {"sizes": describe_sizes(first), **{change: _summary(steps) for change, steps in figures.items()}}


def publish_versions(first: Version, work: Path) -> dict[str, str]:
    """Publish `first`, and for each change a version made of the one before; return their names."""
    link_store(first.folder, work / _STORE)
    names, previous = {_FIRST: first.manifest.version, _NOTHING: first.manifest.version}, first
    for number, (change, apply) in enumerate(_CHANGES.items(), start=1):
        names[change] = f"{first.manifest.version}.{number}"
        previous = derive(previous, work / f"built-{number}", names[change], apply)
        link_store(previous.folder, work / _STORE)
    return names


def _publish_models(work: Path) -> dict[str, str]:
    """Publish models of which one repository changes; return the names of the versions."""
    work.mkdir()
    site = make_site(work, _MIB_OF_CHANGED_WEIGHTS, 1)
    change_one_blob(site)
    return {"first_with_a_larger_repository": "1.0", "models": "1.1"}


def measure_packages(versions: Mapping[str, str], web: Web, box: Path, figures: Figures) -> None:
    """Let one box follow the versions."""
    for change, version in versions.items():
        for name, step in STEPS.items():
            if not (step.starts_empty and change == _NOTHING):  # a box with nothing to do has the folder already
                taken = take(step, web, _STORE, version, box)
                figures.setdefault(change, {}).setdefault(name, []).append(taken)


def _measure_models(versions: Mapping[str, str], web: Web, box: Path, figures: Figures) -> None:
    for change, version in versions.items():
        taken = take(STEPS["models"], web, f"{_MODELS}/{_STORE}", version, box)
        figures.setdefault(change, {}).setdefault("models", []).append(taken)


def _summary(steps: Mapping[str, Sequence[Taken]]) -> dict[str, object]:
    return {
        name: {
            "median_seconds": statistics.median(each.seconds for each in taken),
            "bytes": max(each.bytes for each in taken),
            "requests": max(each.requests for each in taken),
            "seconds": [each.seconds for each in taken],
            "load_averages": [each.load_average for each in taken],
        }
        for name, taken in steps.items()
    }


if __name__ == "__main__":
    main()
