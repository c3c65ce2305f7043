"""Run the rounds, and write the report."""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.provision.limits import Limits
from benchmarks.provision.methods import Ours, SetUp, set_up, set_up_by_hand
from benchmarks.provision.site import Site, make_site
from benchmarks.restore.__main__ import machine, table

_LEAST = {"times_sooner_than_pip": 3.0, "times_sooner_than_uv": 1.8}
_MOST = {"again_seconds": 8.0, "again_over_ssh_seconds": 10.0}
"""Seconds of a second run with nothing to do."""


def main() -> None:
    """Measure, print, and write the report; fail if a target is missed."""
    parser = argparse.ArgumentParser(prog="make bench-provision", description="Time the set-up of a bare host.")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON")
    described = "bytes a second that this machine writes to its disk: 131072000 is gp3's default (cgroup v1)"
    parser.add_argument("--write-limit", type=int, metavar="BYTES", help=described)
    parser.add_argument("--link-limit", metavar="RATE", help="the rate of a host's link, as tc has it: 5gbit")
    arguments = parser.parse_args()
    limits = Limits(write_bytes=arguments.write_limit, link=arguments.link_limit)
    with tempfile.TemporaryDirectory(prefix="bench-provision-", dir="/var/tmp") as folder:  # 3 GB
        report = {
            "command": " ".join(["python -m benchmarks.provision", *sys.argv[1:]]),
            "machine": machine(),
            "bars": _LEAST | _MOST,
            "limits": asdict(limits),
            **_measure(make_site(Path(folder)), arguments.rounds, limits),
        }
    sys.stdout.write(table(report) + "\n")
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if missed := _missed(report):
        sys.exit(f"error: missed targets: {', '.join(missed)}")


def _measure(site: Site, rounds: int, limits: Limits) -> dict[str, object]:
    """Run all methods in each round, in alternating order; return all figures."""
    ours: list[Ours] = []
    by_hand: dict[str, list[SetUp]] = {"pip": [], "uv": []}
    loads = []
    methods = (
        lambda: ours.append(set_up(site, limits)),
        lambda: by_hand["pip"].append(set_up_by_hand(site, "pip", limits)),
        lambda: by_hand["uv"].append(set_up_by_hand(site, "uv", limits)),
    )
    for number in range(rounds):
        for method in methods[:: -1 if number % 2 else 1]:
            os.sync()  # do not wait for the previous method's writes
            loads.append(os.getloadavg()[0])
            with limits.of_disk(site.work):
                method()
        _print_round(ours[-1], {name: runs[-1] for name, runs in by_hand.items()})
    return {
        "load_averages_before_each_turn": loads,
        "bytes_of_wheels": site.bytes_of_wheels,
        "bytes_of_images": site.bytes_of_images,
        **_compare(ours, by_hand),
    }


def _compare(ours: Sequence[Ours], by_hand: Mapping[str, Sequence[SetUp]]) -> dict[str, object]:
    firsts, again = [each.first for each in ours], [each.again for each in ours]
    return {
        **{f"times_sooner_than_{name}": _median(runs) / _median(firsts) for name, runs in by_hand.items()},
        "again_seconds": _median(again),
        "again_over_ssh_seconds": statistics.median(each.again_over_ssh for each in ours),
        "ours": _figures(firsts),
        **{f"by_hand_with_{name}": _figures(runs) for name, runs in by_hand.items()},
        "again": _figures(again),
        "again_over_ssh": [each.again_over_ssh for each in ours],
    }


def _print_round(ours: Ours, by_hand: Mapping[str, SetUp]) -> None:
    for name, run in {"ours": ours.first, **by_hand, "ours again": ours.again}.items():
        phases = ", ".join(f"{phase} {seconds:.1f}" for phase, seconds in run.phases.items())
        sys.stdout.write(f"{name:<10} {run.seconds:6.1f} s: {phases}\n")
    sys.stdout.flush()


def _median(runs: Sequence[SetUp]) -> float:
    return statistics.median(run.seconds for run in runs)


def _figures(runs: Sequence[SetUp]) -> dict[str, object]:
    """Return the seconds of every run, and the median of each phase."""
    phases = {name: statistics.median(run.phases.get(name, 0.0) for run in runs) for name in runs[0].phases}
    return {"seconds": [run.seconds for run in runs], "median_seconds": _median(runs), "phases": phases}


def _missed(report: Mapping[str, object]) -> list[str]:
    """Return the missed targets."""
    slow = [name for name, least in _LEAST.items() if float(str(report[name])) < least]
    return slow + [name for name, most in _MOST.items() if float(str(report[name])) > most]


if __name__ == "__main__":
    main()
