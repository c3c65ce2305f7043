"""Run the workload, and write the report."""

import argparse
import ctypes.util
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.engines.models import embedded, twin, verified
from benchmarks.engines.recordings import HALF_AN_HOUR, SCENES
from benchmarks.peers.process import ENVIRONMENTS, PEERS, SENKO, STOCK_FROM_PATH, Peer, start_peer
from benchmarks.peers.wav import convert
from diarize_runner.benchmark.compose.scene import compose
from diarize_runner.benchmark.folder import read_folder, require_references_fit
from diarize_runner.benchmark.formats.figures import format_seconds
from diarize_runner.benchmark.formats.markdown import render_table
from diarize_runner.benchmark.formats.readme import engines_table, summary_table
from diarize_runner.benchmark.formats.table import Table
from diarize_runner.benchmark.item import WorkItem, shipped_sample
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.benchmark.run import measure
from diarize_runner.benchmark.workload import Workload
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.diarization.engines import EXACT, FAST, STOCK
from diarize_runner.errors import DiarizeRunnerError
from diarize_runner.progress import NoProgress

_RECORDINGS = ("sample", "phone-call-with-music-on-hold")
_WITH_WORKLOAD = (STOCK, EXACT, FAST, SENKO)
"""Stock on a path and whisperX give the output of stock, in the time of stock."""


def main() -> None:
    """Measure, print the tables, and write the report."""
    try:
        _run(parse(sys.argv[1:]))
    except DiarizeRunnerError as error:
        sys.exit(f"error: {error.message}\nhint: {error.hint}" if error.hint else f"error: {error.message}")


def parse(words: list[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="make bench-peers", description="Compare other offline diarizers.")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cpu", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--models", choices=("twin", "embedded"), default="embedded", help="default: %(default)s")
    described = f"default: all; with --workload {', '.join(_WITH_WORKLOAD)}"
    parser.add_argument("--peers", nargs="+", choices=PEERS, help=described)
    recordings = parser.add_mutually_exclusive_group()
    recordings.add_argument("--only", nargs="+", metavar="NAME", default=_RECORDINGS, help="scenes of bench-engines")
    described = "recordings NAME.wav (or FLAC, MP3, ...) with NAME.rttm and, optionally, NAME.uem"
    recordings.add_argument("--workload", type=Path, metavar="FOLDER", help=described)
    parser.add_argument("--cache", type=Path, metavar="DIR", help="a restored embedded cache; default: build one")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write a report of diarize-runner benchmark")
    return parser.parse_args(words)


def _run(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-peers-") as folder:
        workload = make_workload(arguments, Path(folder))
        items = workload.items(Path())
        wavs = convert([item.audio for item in items], Path(folder))
        report = _measure(_cache(arguments, Path(folder)), workload, wavs)
    for table in (engines_table(report), loading_table(report), summary_table(report)):
        sys.stdout.write(f"{render_table(table)}\n\n")
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_bytes(report.to_json())


def _cache(arguments: argparse.Namespace, folder: Path) -> VerifiedCache:
    if arguments.models == "twin":
        return twin(folder)
    return verified(arguments.cache) if arguments.cache else embedded(folder)


def loading_table(report: BenchmarkReport) -> Table:
    """Return a row for each peer, with the times before its timed calls."""
    return Table(
        title="",
        headings=("engine", "loading", "first call"),
        rows=tuple(
            (series.engine, format_seconds(start.loading.load), format_seconds(start.first_call.seconds))
            for series in report.series
            for start in series.starts
        ),
        note="No other time includes these. Loading follows the import of torch; senko's includes its own warm-up.",
    )


def make_workload(arguments: argparse.Namespace, folder: Path) -> Workload:
    """Return the recordings, composed in `folder` or read from `--workload`, and the peers that can run here."""
    items = _read(arguments.workload) if arguments.workload else [_make_item(name, folder) for name in arguments.only]
    if arguments.models == "twin":  # its embeddings are random, so a score means nothing
        items = [replace(item, reference=None) for item in items]
    peers = arguments.peers or (_WITH_WORKLOAD if arguments.workload else PEERS)
    return Workload(
        name="peers",
        recordings=tuple(items),
        engines=tuple(name for name in peers if name not in _unavailable(arguments.device)),
        devices=(arguments.device,),
        warmups=0,  # each peer's first call is untimed anyway
        repeats=arguments.rounds,
    )


def _read(folder: Path) -> list[WorkItem]:
    items = read_folder(folder)
    require_references_fit(items, NoProgress())
    return [*items]


def _make_item(name: str, folder: Path) -> WorkItem:
    if name == "sample":
        return replace(shipped_sample(), transcript=None)
    (scene,) = (each for each in (*SCENES, HALF_AN_HOUR) if each.name == name)
    return compose(scene).write(folder)


def _unavailable(device: str) -> dict[str, str]:
    """Return the reason by peer that cannot run here."""
    reasons = {} if ctypes.util.find_library("avutil") else {STOCK_FROM_PATH: "torchcodec needs the system's FFmpeg"}
    return reasons if device == "cpu" else {**reasons, SENKO: "its packages for a GPU are not installed"}


def _measure(cache: VerifiedCache, workload: Workload, wavs: Mapping[Path, Path]) -> BenchmarkReport:
    peer_packages = dict[str, str]()

    @contextmanager
    def launch(name: str, device: str) -> Iterator[Peer]:
        with start_peer(name, cache, device, wavs) as peer:
            if name in ENVIRONMENTS:
                peer_packages.update({f"{name}: {package}": version for package, version in peer.packages.items()})
            yield peer

    report = measure(workload, workload.items(Path()), launch, NoProgress())
    own, absent = report.environment, _unavailable(workload.devices[0])
    environment = replace(own, packages={**own.packages, **peer_packages}, absent={**own.absent, **absent})
    return replace(report, environment=environment)


if __name__ == "__main__":
    main()
