"""A peer, from outside: a process in its own environment that is asked one recording after the other."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diarize_runner.cache import layout
from diarize_runner.cache.runtime import runtime_environment
from diarize_runner.cache.verify import VerifiedCache
from diarize_runner.diarization.turns import SpeakerTurn, named_by_first_appearance

PEERS = ("stock-path", "stock-waveform", "whisperx", "exact")
_ROOT = Path(__file__).resolve().parents[2]
_WHISPERX = "whisperx==3.8.6"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One recording, diarized once."""

    seconds: float
    turns: tuple[SpeakerTurn, ...]
    """Speakers are named by who is heard first: a pipeline names clusters as they come."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A peer that has loaded its models."""

    name: str
    process: "subprocess.Popen[str]"
    load_seconds: float
    """Imports included."""
    packages: dict[str, str]
    """Version by distribution."""

    def run(self, recording: Path) -> Run:
        """Diarize."""
        answer = _asked(self.process, f"{recording}\n")
        turns = [SpeakerTurn(start=start, end=end, speaker=speaker) for start, end, speaker in answer["turns"]]
        return Run(seconds=answer["seconds"], turns=named_by_first_appearance(recording.stem, turns, ()).turns)


@contextmanager
def loaded(name: str, cache: VerifiedCache, device: str) -> Iterator[Peer]:
    """Give a peer with the models of `cache`, offline."""
    python = _whisperx_python() if name == "whisperx" else Path(sys.executable)
    script = Path(__file__).with_name("peer.py")
    # The embedded cache names a model class of ours.
    offline = {**os.environ, **runtime_environment(cache.root / layout.HF_HOME), "PYTHONPATH": str(_ROOT)}
    command = [python, script, name, cache.root, cache.pipeline_folder, device]
    with subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=offline
    ) as process:
        yield Peer(name=name, process=process, **_asked(process))


def _asked(process: "subprocess.Popen[str]", question: str = "") -> dict[str, Any]:
    if process.stdin is None or process.stdout is None:
        raise TypeError("a peer is asked through pipes")
    process.stdin.write(question)
    process.stdin.flush()
    if not (line := process.stdout.readline()):
        raise SystemExit("error: a peer ended: what it said is above")
    answer: dict[str, Any] = json.loads(line)
    return answer


def _whisperx_python() -> Path:
    """Return the Python of whisperX's own environment, which is made if it is not there (7 GB)."""
    folder = _ROOT / ".bench/whisperx"
    uv, made = Path(sys.executable).with_name("uv"), folder / ".complete"
    if not made.exists():
        subprocess.run([uv, "venv", "--quiet", "--clear", folder, "--python", sys.executable], check=True)  # noqa: S603
        subprocess.run([uv, "pip", "install", "--quiet", "--python", folder / "bin/python", _WHISPERX], check=True)  # noqa: S603
        made.touch()
    return folder / "bin/python"
