"""The workload, and the report."""

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
from benchmarks.peers.process import PEERS, WHISPERX, Peer, loaded
from diarize_runner.benchmark.compose.scene import compose
from diarize_runner.benchmark.formats.markdown import rendered
from diarize_runner.benchmark.formats.readme import brief
from diarize_runner.benchmark.item import WorkItem, shipped_sample
from diarize_runner.benchmark.report import BenchmarkReport
from diarize_runner.benchmark.run import measure
from diarize_runner.benchmark.workload import Workload
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.progress import Silent

_LACKING = {} if ctypes.util.find_library("avutil") else {"stock-told-a-path": "torchcodec wants the system's FFmpeg"}
"""Why a peer cannot be measured here."""
_RECORDINGS = ("sample", "phone-call-with-music-on-hold")


def main() -> None:
    """Measure, print, write."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="bench-peers-") as folder:
        trained = verified(arguments.cache) if arguments.cache else embedded(Path(folder))
        cache = trained if arguments.models == "embedded" else twin(Path(folder), trained)
        report = _measured(cache, _workload(arguments, Path(folder)))
    sys.stdout.write(f"{rendered(brief(report))}\n")
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_bytes(report.to_json())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-peers", description="What else diarizes offline, and how soon.")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cpu", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--models", choices=("twin", "embedded"), default="embedded", help="default: %(default)s")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS, help="default: all")
    parser.add_argument("--only", nargs="+", metavar="NAME", default=_RECORDINGS, help="of bench-engines' recordings")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="the embedded cache, restored; default: it is made")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write a report, as diarize-runner benchmark does")
    return parser.parse_args()


def _workload(arguments: argparse.Namespace, folder: Path) -> Workload:
    items = [_written(name, folder) for name in arguments.only]
    if arguments.models == "twin":  # which knows nothing of speakers
        items = [replace(item, reference=None) for item in items]
    return Workload(
        name="peers",
        recordings=tuple(items),
        engines=tuple(name for name in arguments.peers if name not in _LACKING),
        devices=(arguments.device,),
        warmups=0,  # the first call of each is not on the clock
        repeats=arguments.rounds,
    )


def _written(name: str, folder: Path) -> WorkItem:
    if name == "sample":
        return replace(shipped_sample(), transcript=None)
    (scene,) = (each for each in (*SCENES, HALF_AN_HOUR) if each.name == name)
    return compose(scene).write(folder)


def _measured(cache: VerifiedCache, workload: Workload) -> BenchmarkReport:
    of_others = dict[str, str]()

    @contextmanager
    def launch(name: str, device: str) -> Iterator[Peer]:
        with loaded(name, cache, device) as peer:
            if name == WHISPERX:
                of_others.update({f"{WHISPERX}: {package}": version for package, version in peer.packages.items()})
            yield peer

    report = measure(workload, workload.items(Path()), launch, Silent())
    here = report.environment
    described = replace(here, packages={**here.packages, **of_others}, absent={**here.absent, **_LACKING})
    return replace(report, environment=described)


if __name__ == "__main__":
    main()
