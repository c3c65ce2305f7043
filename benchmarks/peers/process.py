"""The parent's side of a peer: start its process, and send it one recording after another."""

import json
import os
import subprocess
import sys
import time
import wave
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers.environments import ROOT, SENKO_ENVIRONMENT, WHISPERX_ENVIRONMENT
from diarize_runner.benchmark.environment import Environment, describe_environment, device_name
from diarize_runner.benchmark.item import WorkItem
from diarize_runner.benchmark.measurement import Call, Loading
from diarize_runner.benchmark.timed_call import CallResult
from diarize_runner.benchmark.worker import LoadedEngine
from diarize_runner.cache.box.runtime import runtime_environment
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.cache.documents import layout
from diarize_runner.diarization.engines import EXACT, FAST, STOCK
from diarize_runner.diarization.turns import SpeakerTurn, rename_by_first_appearance, uri_from_stem

WHISPERX, SENKO = "whisperx", "senko"
STOCK_FROM_PATH = "stock-told-a-path"
"""The name in published reports."""
PEERS = (STOCK, STOCK_FROM_PATH, WHISPERX, EXACT, FAST, SENKO)
ENVIRONMENTS = {WHISPERX: WHISPERX_ENVIRONMENT, SENKO: SENKO_ENVIRONMENT}
"""The peers with virtual environments of their own."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A peer with loaded models: a benchmark's Runner."""

    loaded: LoadedEngine
    packages: dict[str, str]
    """Version by distribution, in the peer's environment."""
    launched_at: float
    """By this process's `time.perf_counter`."""
    process: "subprocess.Popen[str]"
    device: str
    wavs: Mapping[Path, Path]
    """By recording, as of `wav.convert`."""

    def age(self) -> float:
        """Return the seconds since the launch."""
        return time.perf_counter() - self.launched_at

    def run(self, item: WorkItem) -> CallResult:
        """Diarize one recording; name speakers by first appearance, as pipelines number them arbitrarily."""
        wav = self.wavs[item.audio]
        answer = _ask(self.process, f"{wav}\n")
        turns = [SpeakerTurn(start=start, end=end, speaker=speaker) for start, end, speaker in answer["turns"]]
        return CallResult(
            audio_seconds=_duration(wav),
            call=Call(seconds=answer["seconds"]),
            diarization=rename_by_first_appearance(uri_from_stem(item.audio.stem), turns, ()),
        )

    def describe(self) -> Environment:
        """Describe the machine."""
        return describe_environment(self.device)


@contextmanager
def start_peer(name: str, cache: VerifiedCache, device: str, wavs: Mapping[Path, Path]) -> Iterator[Peer]:
    """Start a peer with the models of `cache`, offline."""
    environment = ENVIRONMENTS.get(name)
    python = environment.python() if environment else Path(sys.executable)
    script = Path(__file__).with_name("peer.py")
    # PYTHONPATH: the embedded cache names a model class of diarize_runner.
    offline = {**os.environ, **runtime_environment(cache.root / layout.HF_HOME), "PYTHONPATH": str(ROOT)}
    offline |= environment.variables if environment else {}
    command = [python, script, name, cache.root, cache.pipeline_folder, device]
    launched_at = time.perf_counter()
    with subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=offline
    ) as process:
        answer = _ask(process)
        engine = LoadedEngine(
            cache=f"{cache.manifest.name} {cache.manifest.version} {cache.manifest.digest}",
            engine=name,
            device=device_name(device),
            loading=Loading(load=answer["load_seconds"]),
        )
        packages = answer["packages"]
        yield Peer(loaded=engine, packages=packages, launched_at=launched_at, process=process, device=device, wavs=wavs)


def _ask(process: "subprocess.Popen[str]", question: str = "") -> dict[str, Any]:
    if process.stdin is None or process.stdout is None:
        raise TypeError("a peer needs stdin and stdout pipes")
    process.stdin.write(question)
    process.stdin.flush()
    if not (line := process.stdout.readline()):
        raise SystemExit("error: a peer ended: see its output above")
    answer: dict[str, Any] = json.loads(line)
    return answer


def _duration(path: Path) -> float:
    with wave.open(str(path)) as file:
        return file.getnframes() / file.getframerate()
