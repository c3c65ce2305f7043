"""Run the rounds, and write the report."""

import argparse
import json
import os
import platform
import shutil
import statistics
import tempfile
from pathlib import Path

from benchmarks.restore import servers
from benchmarks.restore.floors import MIB, measure_floors
from benchmarks.restore.methods import aws_then_tar, curl_into_tar, restore, restore_command, run, same_tree
from benchmarks.restore.site import ROOT, Site, change_one_blob, make_site
from benchmarks.restore.usage import measure_peaks

_MIB_OF_WEIGHTS, _BLOBS, _ROUNDS = 1024, 8, 5


def main() -> None:
    """Measure, print the figures, and write the report."""
    parser = argparse.ArgumentParser(prog="make bench-cache", description="Time the restore of a cache.")
    parser.add_argument(
        "--mib", type=int, default=_MIB_OF_WEIGHTS, help="MiB of synthetic weights (default: %(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="default: %(default)s")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-cache-") as folder:
        site = make_site(Path(folder), arguments.mib, _BLOBS)
        report = {"machine": machine(), "cache_bytes": site.cache_bytes, "rounds": arguments.rounds}
        report |= over_http(site, arguments.rounds) | over_s3(site, arguments.rounds)
    print(table(report))  # noqa: T201  # a script's output
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def machine() -> dict[str, object]:
    """Describe this machine."""
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "")
    return {
        "cpu": cpu.partition(": ")[2],
        "cpu_count": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def over_http(site: Site, rounds: int) -> dict[str, object]:
    """Measure with nginx as the server."""
    box, by_hand = site.work / "box", site.work / "by-hand"
    with servers.nginx(site.work) as web:
        store, archive = f"{web.url}/store", f"{web.url}/store/v1.0/huggingface-cache.tar.gz"
        ours, theirs = [], []
        for _ in range(rounds):
            theirs.append(curl_into_tar(f"{web.url}/{site.classic.name}", by_hand))
            ours.append(restore(store, box))
        rates = measure_floors(archive, site.mib * MIB, site.work)
        curl_into_tar(archive, by_hand)
        same = same_tree(box / "current/huggingface", by_hand / "huggingface")
        shutil.rmtree(box)
        peaks = measure_peaks(restore_command(store, box), box)
        unchanged = web.count_traffic(lambda: run(restore_command(store, box)))
        stored = change_one_blob(site)
        changed = web.count_traffic(lambda: run(restore_command(store, box)))
    mib_per_second = site.cache_bytes / MIB / statistics.median(ours)
    alone = min(rate for name, rate in rates.items() if name != "all_at_once")
    return {
        "over_http": compare(ours, theirs, "curl piped into tar -xzf"),
        "restore_mib_per_second": mib_per_second,
        "floors_mib_per_second": rates,
        "of_the_slowest_floor_alone": mib_per_second / alone,
        "of_the_floor_all_at_once": mib_per_second / rates["all_at_once"],
        "same_tree_as_tar_of_our_archive": same,
        "peaks": peaks,
        "nothing_changed": unchanged,
        "one_blob_changed": {**changed, "stored_bytes_of_that_blob": stored},
    }


def over_s3(site: Site, rounds: int) -> dict[str, object]:
    """Measure with Swift as the server."""
    tools = {"aws": shutil.which("aws"), ".swift": (ROOT / ".swift").is_dir()}
    missing = [name for name, is_installed in tools.items() if not is_installed]
    if missing:
        return {"over_s3": f"skipped: {' and '.join(missing)} not installed"}
    ours, theirs = [], []
    with servers.swift(site) as bucket:
        for _ in range(rounds):
            theirs.append(aws_then_tar(bucket.classic, site.work / "by-hand", bucket.environment))
            ours.append(restore(bucket.store, site.work / "box", bucket.environment))
    return {"over_s3": compare(ours, theirs, "aws s3 cp, then tar -xzf")}


def compare(ours: list[float], theirs: list[float], name: str) -> dict[str, object]:
    """Return the seconds of both, and the speed-up of ours: the ratio of the medians."""
    ratio = statistics.median(theirs) / statistics.median(ours)
    return {"restore_seconds": ours, "by_hand": name, "by_hand_seconds": theirs, "ratio_of_medians": ratio}


def table(report: dict[str, object]) -> str:
    """Render the figures as text: one per line, named by its path of keys."""
    return "\n".join(f"{name:<48} {value}" for name, value in _flat("", report))


def _flat(name: str, value: object) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [line for key, each in value.items() for line in _flat(f"{name} {key}".strip(), each)]
    if isinstance(value, list):
        return [(name, "  ".join(_number(each) for each in value))]
    return [(name, _number(value))]


def _number(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    main()
