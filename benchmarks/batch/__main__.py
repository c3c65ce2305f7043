"""Measure, and write the report."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.batch import kills, overhead, scaling, schedule
from benchmarks.restore.__main__ import machine

_LEAST_RATIO = 0.95
_MOST_SECONDS, _MOST_MEGABYTES = 60.0, 500.0


def main() -> None:
    """Measure what is asked for, and print it."""
    arguments = _arguments()
    report: dict[str, object] = {
        "command": " ".join(["python -m benchmarks.batch", *sys.argv[1:]]),
        "machine": machine(),
    }
    report["bars"] = {"ratio": _LEAST_RATIO, "seconds": _MOST_SECONDS, "megabytes": _MOST_MEGABYTES}
    if "overhead" in arguments.only:
        report["overhead"] = overhead.measure(arguments.cache, arguments.recordings, arguments.rounds)
    if "kills" in arguments.only:
        report["kills"] = kills.measure(arguments.cache, arguments.recordings)
    if "schedule" in arguments.only:
        report["schedule"] = schedule.measure(arguments.keys)
    if "scaling" in arguments.only:
        figures = scaling.Figures(
            hours=arguments.hours,
            real_time_factor=arguments.real_time_factor,
            start_seconds=arguments.start_seconds,
            recording_seconds=arguments.recording_seconds,
            median_minutes=arguments.median_minutes,
            longest_minutes=arguments.longest_minutes,
        )
        report["scaling"] = {"figures": asdict(figures), **scaling.simulate(figures)}
    text = json.dumps(report, indent=2) + "\n"
    sys.stdout.write(text)
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batch", description="Measure the batch.")
    parts = ("overhead", "kills", "schedule", "scaling")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts, help="default: all")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="a restored cache, for overhead and kills")
    parser.add_argument("--recordings", type=int, default=24, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--keys", type=int, default=100_000, help="default: %(default)s")
    parser.add_argument("--hours", type=float, default=10_000.0, help="default: %(default)s")
    described = "of a box; default: %(default)s, the slow end of the projection for a T4 in docs/benchmarks.md"
    parser.add_argument("--real-time-factor", type=float, default=1 / 149, help=described)
    described = "until a box diarizes; default: %(default)s"
    parser.add_argument("--start-seconds", type=float, default=60.0, help=described)
    described = "of each recording besides; default: %(default)s"
    parser.add_argument("--recording-seconds", type=float, default=0.5, help=described)
    parser.add_argument("--median-minutes", type=float, default=20.0, help="of a recording; default: %(default)s")
    parser.add_argument("--longest-minutes", type=float, default=480.0, help="default: %(default)s")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON")
    arguments = parser.parse_args()
    if {"overhead", "kills"}.intersection(arguments.only) and not arguments.cache:
        parser.error("overhead and kills need --cache DIR")
    return arguments


if __name__ == "__main__":
    main()
