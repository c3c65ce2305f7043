"""Run the rounds, and write the report."""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.provision.methods import Ours, SetUp, set_up, set_up_by_hand
from benchmarks.provision.site import Site, make_site
from benchmarks.restore.__main__ import machine, table

_TARGETS = {"times_sooner": 3.0, "again_seconds": 15.0}
"""Minimum speed-up over the manual set-up; maximum seconds of a second run with nothing to do."""


def main() -> None:
    """Measure, print, and write the report; fail if a target is missed."""
    parser = argparse.ArgumentParser(prog="make bench-provision", description="Time the set-up of a bare host.")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-provision-", dir="/var/tmp") as folder:  # 3 GB
        report = {
            "command": " ".join(["python -m benchmarks.provision", *sys.argv[1:]]),
            "machine": machine(),
            "bars": _TARGETS,
            **_measure(make_site(Path(folder)), arguments.rounds),
        }
    sys.stdout.write(table(report) + "\n")
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if missed := _missed(report):
        sys.exit(f"error: missed targets: {', '.join(missed)}")


def _measure(site: Site, rounds: int) -> dict[str, object]:
    """Run both methods in each round, in alternating order; return all figures."""
    automatic: list[Ours] = []
    manual: list[SetUp] = []
    loads = []
    methods = (lambda: automatic.append(set_up(site)), lambda: manual.append(set_up_by_hand(site)))
    for number in range(rounds):
        for method in methods[:: -1 if number % 2 else 1]:
            os.sync()  # do not wait for the previous method's writes
            loads.append(os.getloadavg()[0])
            method()
        _print_round(automatic[-1], manual[-1])
    firsts = [each.first for each in automatic]
    return {
        "load_averages_before_each_turn": loads,
        "bytes_of_wheels": site.bytes_of_wheels,
        "times_sooner": _median(manual) / _median(firsts),
        "again_seconds": _median([each.again for each in automatic]),
        "again_over_ssh_seconds": statistics.median(each.again_over_ssh for each in automatic),
        "ours": _figures(firsts),
        "by_hand": _figures(manual),
        "again": _figures([each.again for each in automatic]),
        "again_over_ssh": [each.again_over_ssh for each in automatic],
    }


def _print_round(automatic: Ours, manual: SetUp) -> None:
    for name, run in {"ours": automatic.first, "by hand": manual, "ours again": automatic.again}.items():
        phases = ", ".join(f"{phase} {seconds:.1f}" for phase, seconds in run.phases.items())
        sys.stdout.write(f"{name:<10} {run.seconds:6.1f} s: {phases}\n")
    sys.stdout.flush()


def _median(runs: Sequence[SetUp]) -> float:
    return statistics.median(run.seconds for run in runs)


def _figures(runs: Sequence[SetUp]) -> dict[str, object]:
    """Return the seconds of every run, and the median of each phase."""
    phases = {name: statistics.median(run.phases.get(name, 0.0) for run in runs) for name in runs[0].phases}
    return {"seconds": [run.seconds for run in runs], "median_seconds": _median(runs), "phases": phases}


def _missed(report: dict[str, object]) -> list[str]:
    """Return the missed targets."""
    speedup, again = float(str(report["times_sooner"])), float(str(report["again_seconds"]))
    missed = {"times_sooner": speedup < _TARGETS["times_sooner"], "again_seconds": again > _TARGETS["again_seconds"]}
    return [name for name, is_missed in missed.items() if is_missed]


if __name__ == "__main__":
    main()
