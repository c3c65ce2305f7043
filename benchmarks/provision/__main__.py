"""The rounds, and the report."""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.provision.site import Site, make_site
from benchmarks.provision.ways import Ours, SetUp, by_hand, ours
from benchmarks.restore.__main__ import machine, table

_BARS = {"times_sooner": 3.0, "again_seconds": 15.0}
"""At least so many times sooner to a labelled transcript; at most so long where nothing is to be done."""


def main() -> None:
    """Measure, print, write; fail where a bar is missed."""
    parser = argparse.ArgumentParser(prog="make bench-provision", description="How soon a bare host is set up.")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-provision-", dir="/var/tmp") as folder:  # 3 GB
        report = {
            "command": " ".join(["python -m benchmarks.provision", *sys.argv[1:]]),
            "machine": machine(),
            "bars": _BARS,
            **_measured(make_site(Path(folder)), arguments.rounds),
        }
    sys.stdout.write(table(report) + "\n")
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if missed := _missed(report):
        sys.exit(f"error: missed: {', '.join(missed)}")


def _measured(site: Site, rounds: int) -> dict[str, object]:
    """Let both ways take their turns, and each begin as often; return all that was measured."""
    stores: list[Ours] = []
    hands: list[SetUp] = []
    loads = []
    turns = (lambda: stores.append(ours(site)), lambda: hands.append(by_hand(site)))
    for number in range(rounds):
        for turn in turns[:: -1 if number % 2 else 1]:
            os.sync()  # what the turn before wrote is not for this one to wait for
            loads.append(os.getloadavg()[0])
            turn()
        _say(stores[-1], hands[-1])
    firsts = [each.first for each in stores]
    return {
        "load_averages_before_each_turn": loads,
        "bytes_of_wheels": site.bytes_of_wheels,
        "times_sooner": _median(hands) / _median(firsts),
        "again_seconds": _median([each.again for each in stores]),
        "again_over_ssh_seconds": statistics.median(each.again_over_ssh for each in stores),
        "ours": _figures(firsts),
        "by_hand": _figures(hands),
        "again": _figures([each.again for each in stores]),
        "again_over_ssh": [each.again_over_ssh for each in stores],
    }


def _say(store: Ours, hand: SetUp) -> None:
    for name, run in {"ours": store.first, "by hand": hand, "ours again": store.again}.items():
        phases = ", ".join(f"{phase} {seconds:.1f}" for phase, seconds in run.phases.items())
        sys.stdout.write(f"{name:<10} {run.seconds:6.1f} s: {phases}\n")
    sys.stdout.flush()


def _median(runs: Sequence[SetUp]) -> float:
    return statistics.median(run.seconds for run in runs)


def _figures(runs: Sequence[SetUp]) -> dict[str, object]:
    """Return every run's seconds, and the median of each phase."""
    phases = {name: statistics.median(run.phases.get(name, 0.0) for run in runs) for name in runs[0].phases}
    return {"seconds": [run.seconds for run in runs], "median_seconds": _median(runs), "phases": phases}


def _missed(report: dict[str, object]) -> list[str]:
    """Return which bars were missed."""
    sooner, again = float(str(report["times_sooner"])), float(str(report["again_seconds"]))
    missed = {"times_sooner": sooner < _BARS["times_sooner"], "again_seconds": again > _BARS["again_seconds"]}
    return [name for name, is_missed in missed.items() if is_missed]


if __name__ == "__main__":
    main()
