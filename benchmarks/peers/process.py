"""A peer, from outside: a process in its own environment that is asked one recording after the other."""

import json
import os
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers import apart
from diarize_runner.benchmark.bench import Done
from diarize_runner.benchmark.environment import Environment, device_name, environment
from diarize_runner.benchmark.item import WorkItem
from diarize_runner.benchmark.measurement import Call, Loading
from diarize_runner.benchmark.worker import Loaded
from diarize_runner.cache.box.runtime import runtime_environment
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.cache.documents import layout
from diarize_runner.diarization.engines import EXACT, STOCK
from diarize_runner.diarization.turns import SpeakerTurn, named_by_first_appearance

WHISPERX = "whisperx"
PEERS = (STOCK, "stock-told-a-path", WHISPERX, EXACT)
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A peer that has loaded its models: a benchmark's Runner."""

    loaded: Loaded
    packages: dict[str, str]
    """Version by distribution, of its environment."""
    began: float
    process: "subprocess.Popen[str]"
    device: str

    def age(self) -> float:
        """Return the seconds since it was asked for."""
        return time.perf_counter() - self.began

    def run(self, item: WorkItem) -> Done:
        """Diarize. Speakers are named by who is heard first: a pipeline names clusters as they come."""
        answer = _asked(self.process, f"{item.audio}\n")
        turns = [SpeakerTurn(start=start, end=end, speaker=speaker) for start, end, speaker in answer["turns"]]
        return Done(
            audio_seconds=_length(item.audio),
            call=Call(seconds=answer["seconds"]),
            diarization=named_by_first_appearance(item.audio.stem, turns, ()),
        )

    def describe(self) -> Environment:
        """Describe the machine."""
        return environment(self.device)


@contextmanager
def loaded(name: str, cache: VerifiedCache, device: str) -> Iterator[Peer]:
    """Give a peer with the models of `cache`, offline."""
    python = apart.whisperx_python() if name == WHISPERX else Path(sys.executable)
    script = Path(__file__).with_name("peer.py")
    # The embedded cache names a model class of ours.
    offline = {**os.environ, **runtime_environment(cache.root / layout.HF_HOME), "PYTHONPATH": str(_ROOT)}
    command = [python, script, name, cache.root, cache.pipeline_folder, device]
    began = time.perf_counter()
    with subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=offline
    ) as process:
        said = _asked(process)
        told = Loaded(
            cache=f"{cache.manifest.name} {cache.manifest.version} {cache.manifest.digest}",
            engine=name,
            device=device_name(device),
            loading=Loading(load=said["load_seconds"]),
        )
        yield Peer(loaded=told, packages=said["packages"], began=began, process=process, device=device)


def _asked(process: "subprocess.Popen[str]", question: str = "") -> dict[str, Any]:
    if process.stdin is None or process.stdout is None:
        raise TypeError("a peer is asked through pipes")
    process.stdin.write(question)
    process.stdin.flush()
    if not (line := process.stdout.readline()):
        raise SystemExit("error: a peer ended: what it said is above")
    answer: dict[str, Any] = json.loads(line)
    return answer


def _length(path: Path) -> float:
    with wave.open(str(path)) as file:
        return file.getnframes() / file.getframerate()
