"""The rounds, and the report."""

import argparse
import contextlib
import ctypes.util
import json
import statistics
import sys
import tempfile
import wave
from pathlib import Path

from benchmarks.engines.models import embedded, twin, verified
from benchmarks.engines.recordings import HALF_AN_HOUR, SCENES
from benchmarks.peers.process import PEERS, Run, loaded
from diarize_runner.benchmark.compose.scene import compose
from diarize_runner.benchmark.environment import environment
from diarize_runner.benchmark.item import shipped_sample
from diarize_runner.cache.verify import VerifiedCache

_BASE = "stock-waveform"
"""What the others are compared with: the faster way to use stock pyannote."""
_LACKING = {} if ctypes.util.find_library("avutil") else {"stock-path": "torchcodec wants the system's FFmpeg"}
"""Why a peer cannot be measured here."""
_RECORDINGS = ("sample", "phone-call-with-music-on-hold")

Runs = dict[str, dict[str, list[Run]]]
"""By recording, then by peer."""


def main() -> None:
    """Measure, print, write."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="bench-peers-") as folder:
        trained = verified(arguments.cache) if arguments.cache else embedded(Path(folder))
        cache = trained if arguments.models == "embedded" else twin(Path(folder), trained)
        recordings = [_written(name, Path(folder)) for name in arguments.only]
        measured = _measured(cache, recordings, arguments)
    report = {
        "command": " ".join(["python -m benchmarks.peers", *sys.argv[1:]]),
        "environment": environment(arguments.device).to_dict(),
        "models": cache.manifest.name,
        "rounds": arguments.rounds,
        **measured,
    }
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-peers", description="What else diarizes offline, and how soon.")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cpu", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--models", choices=("twin", "embedded"), default="embedded", help="default: %(default)s")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS, help="default: all; stock-waveform is one")
    parser.add_argument("--only", nargs="+", metavar="NAME", default=_RECORDINGS, help="of bench-engines' recordings")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="the embedded cache, restored; default: it is made")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON")
    return parser.parse_args()


def _written(name: str, folder: Path) -> Path:
    """Return the recording as a file: mono, 16 kHz, 16 bit."""
    if name == "sample":
        return shipped_sample().audio
    (scene,) = (each for each in (*SCENES, HALF_AN_HOUR) if each.name == name)
    return compose(scene).write(folder).audio


def _measured(cache: VerifiedCache, recordings: list[Path], arguments: argparse.Namespace) -> dict[str, object]:
    with contextlib.ExitStack() as kept:
        here = [name for name in arguments.peers if name not in _LACKING]
        peers = [kept.enter_context(loaded(name, cache, arguments.device)) for name in here]
        for peer in peers:  # what is done only once is done before the clock runs
            peer.run(recordings[0])
        runs: Runs = {path.stem: {peer.name: [] for peer in peers} for path in recordings}
        for number in range(arguments.rounds):
            first = number % len(peers)
            for path in recordings:
                for peer in peers[first:] + peers[:first]:
                    runs[path.stem][peer.name].append(peer.run(path))
        loads = {peer.name: {"load_seconds": peer.load_seconds, "packages": peer.packages} for peer in peers}
    left_out = {name: why for name, why in _LACKING.items() if name in arguments.peers}
    return {
        "peers": loads,
        "left_out": left_out,
        "recordings": [_compared(path, runs[path.stem]) for path in recordings],
    }


def _compared(path: Path, runs: dict[str, list[Run]]) -> dict[str, object]:
    medians = {peer: statistics.median(run.seconds for run in each) for peer, each in runs.items()}
    report = {
        "uri": path.stem,
        "audio_seconds": _length(path),
        "of": {peer: _figures(peer, runs, medians) for peer in runs},
    }
    for peer, each in medians.items():
        same = "the same turns" if _same(peer, runs) else "OTHER TURNS"
        sys.stdout.write(f"{path.stem:<32} {peer:<16} {each:8.2f} s  {medians[_BASE] / each:5.2f} times  {same}\n")
    return report


def _figures(peer: str, runs: dict[str, list[Run]], medians: dict[str, float]) -> dict[str, object]:
    return {
        "seconds": [run.seconds for run in runs[peer]],
        "times_sooner": medians[_BASE] / medians[peer],
        "same_turns": _same(peer, runs),
    }


def _same(peer: str, runs: dict[str, list[Run]]) -> bool:
    """Whether every run has the turns of the base, to the last bit."""
    return {run.turns for run in runs[peer]} == {run.turns for run in runs[_BASE]}


def _length(path: Path) -> float:
    with wave.open(str(path)) as file:
        return file.getnframes() / file.getframerate()


if __name__ == "__main__":
    main()
