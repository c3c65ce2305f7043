"""Run the workload, and write the report."""

import argparse
import ctypes.util
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.engines.models import embedded, twin, verified
from benchmarks.engines.recordings import HALF_AN_HOUR, SCENES
from benchmarks.peers.process import PEERS, STOCK_FROM_PATH, WHISPERX, Peer, start_peer
from diarize_runner.benchmark.compose.scene import compose
from diarize_runner.benchmark.formats.markdown import render_table
from diarize_runner.benchmark.formats.readme import summary_table
from diarize_runner.benchmark.item import WorkItem, shipped_sample
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.benchmark.run import measure
from diarize_runner.benchmark.workload import Workload
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.progress import NoProgress

_UNAVAILABLE = {} if ctypes.util.find_library("avutil") else {STOCK_FROM_PATH: "torchcodec needs the system's FFmpeg"}
"""The reason why a peer cannot run here."""
_RECORDINGS = ("sample", "phone-call-with-music-on-hold")


def main() -> None:
    """Measure, print the table, and write the report."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="bench-peers-") as folder:
        trained = verified(arguments.cache) if arguments.cache else embedded(Path(folder))
        cache = trained if arguments.models == "embedded" else twin(Path(folder), trained)
        report = _measure(cache, _workload(arguments, Path(folder)))
    sys.stdout.write(f"{render_table(summary_table(report))}\n")
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_bytes(report.to_json())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-peers", description="Compare other offline diarizers.")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cpu", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--models", choices=("twin", "embedded"), default="embedded", help="default: %(default)s")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS, help="default: all")
    parser.add_argument("--only", nargs="+", metavar="NAME", default=_RECORDINGS, help="recordings of bench-engines")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="a restored embedded cache; default: build one")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write a report of diarize-runner benchmark")
    return parser.parse_args()


def _workload(arguments: argparse.Namespace, folder: Path) -> Workload:
    items = [_make_item(name, folder) for name in arguments.only]
    if arguments.models == "twin":  # its embeddings are random, so a score means nothing
        items = [replace(item, reference=None) for item in items]
    return Workload(
        name="peers",
        recordings=tuple(items),
        engines=tuple(name for name in arguments.peers if name not in _UNAVAILABLE),
        devices=(arguments.device,),
        warmups=0,  # each peer's first call is untimed anyway
        repeats=arguments.rounds,
    )


def _make_item(name: str, folder: Path) -> WorkItem:
    if name == "sample":
        return replace(shipped_sample(), transcript=None)
    (scene,) = (each for each in (*SCENES, HALF_AN_HOUR) if each.name == name)
    return compose(scene).write(folder)


def _measure(cache: VerifiedCache, workload: Workload) -> BenchmarkReport:
    peer_packages = dict[str, str]()

    @contextmanager
    def launch(name: str, device: str) -> Iterator[Peer]:
        with start_peer(name, cache, device) as peer:
            if name == WHISPERX:
                peer_packages.update({f"{WHISPERX}: {package}": version for package, version in peer.packages.items()})
            yield peer

    report = measure(workload, workload.items(Path()), launch, NoProgress())
    own = report.environment
    environment = replace(own, packages={**own.packages, **peer_packages}, absent={**own.absent, **_UNAVAILABLE})
    return replace(report, environment=environment)


if __name__ == "__main__":
    main()
