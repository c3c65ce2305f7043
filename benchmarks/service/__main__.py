"""Run the scenarios, and write the report after each, so that an interruption loses only one."""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from benchmarks.engines.models import embedded, verified
from benchmarks.service.load import LOCUST_ENVIRONMENT
from benchmarks.service.page import table
from benchmarks.service.scenarios import backlog, refusals, slow_clients, soak, throughput, uploads
from benchmarks.service.site import Site, Sizes, make_site
from diarize_runner.benchmark.environment import describe_environment
from diarize_runner.benchmark.formats.markdown import render_table
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.errors import DiarizeRunnerError

SCENARIOS: Final = {
    "uploads": uploads.measure,
    "backlog": backlog.measure,
    "slow-clients": slow_clients.measure,
    "refusals": refusals.measure,
    "throughput": throughput.measure,
    "soak": soak.measure,
}
_PACKAGES = ("fastapi", "starlette", "uvicorn", "sqlalchemy")


def main() -> None:
    """Measure, and print the table."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the server and locust end with this process
    try:
        _run(parse(sys.argv[1:]))
    except DiarizeRunnerError as error:
        sys.exit(f"error: {error.message}\nhint: {error.hint}" if error.hint else f"error: {error.message}")
    except KeyboardInterrupt:
        sys.exit("error: interrupted")


def parse(words: list[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service", description="Load the HTTP service.")
    parser.add_argument("--only", nargs="+", choices=SCENARIOS, default=[*SCENARIOS], help="default: all")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="a restored embedded cache; default: build one")
    parser.add_argument("--uploads", type=int, default=200, help="at once; default: %(default)s")
    parser.add_argument("--jobs", type=int, default=1000, help="of the backlog; default: %(default)s")
    parser.add_argument("--slow-clients", type=int, default=300, help="default: %(default)s")
    parser.add_argument("--recordings", type=int, default=20, help="of throughput; default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="of throughput; default: %(default)s")
    parser.add_argument("--soak-minutes", type=float, default=30.0, help="default: %(default)s")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON")
    return parser.parse_args(words)


def _run(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-service-") as folder:
        work = Path(folder)
        cache = verified(arguments.cache) if arguments.cache else embedded(work)
        report = _describe(cache)
        site = make_site(work, cache.root, _sizes(arguments))
        _measure(site, arguments.only, report, arguments.output)
    sys.stdout.write(f"{render_table(table(report['scenarios']))}\n")


def _sizes(arguments: argparse.Namespace) -> Sizes:
    return Sizes(
        uploads=arguments.uploads,
        jobs=arguments.jobs,
        slow_clients=arguments.slow_clients,
        recordings=arguments.recordings,
        rounds=arguments.rounds,
        soak_minutes=arguments.soak_minutes,
    )


def _measure(site: Site, names: Sequence[str], report: dict[str, Any], output: Path | None) -> None:
    for name in names:
        start, load_average = time.perf_counter(), os.getloadavg()[0]
        figures = {"load_average_before": load_average, **SCENARIOS[name](site)}
        report["scenarios"][name] = {**figures, "wall_seconds": round(time.perf_counter() - start, 1)}
        sys.stderr.write(f"{name}: measured in {time.perf_counter() - start:.0f} s\n")
        if output:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _describe(cache: VerifiedCache) -> dict[str, Any]:
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "environment": describe_environment("cpu").to_dict(),
        "service_packages": {name: version(name) for name in _PACKAGES},
        "load_tool": LOCUST_ENVIRONMENT.packages[0],
        "cache": f"{cache.manifest.name} {cache.manifest.version} {cache.manifest.digest}",
        "scenarios": {},
    }


if __name__ == "__main__":
    main()
