"""Rounds of cold commands, each from its start to its exit, when the labelled file is written."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers.environments import ROOT, WHISPERX_ENVIRONMENT
from benchmarks.transcription.speed import describe
from diarize_runner.cache.box.runtime import runtime_environment
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.cache.documents import layout
from diarize_runner.transcription.models import select_model


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A program that writes a labelled file, offline, on the CPU in int8."""

    words: tuple[str | Path, ...]
    written: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to this process's."""

    def start(self) -> "subprocess.Popen[bytes]":
        """Start it, with an empty output folder."""
        shutil.rmtree(self.written.parent, ignore_errors=True)
        log = (self.written.parent.parent / f"{self.written.parent.name}.log").open("wb")
        environment = {**os.environ, **self.environment}
        with log:
            return subprocess.Popen(self.words, stdout=log, stderr=subprocess.STDOUT, env=environment)  # noqa: S603

    def require_success(self, exit_code: int) -> None:
        """End this process if the command failed, or wrote no file."""
        if exit_code or not self.written.is_file():
            log = self.written.parent.parent / f"{self.written.parent.name}.log"
            raise SystemExit(f"error: {self.words[0]} failed: {log.read_text(encoding='utf-8', errors='replace')}")


def commands(cache: VerifiedCache, audio: Path, work: Path) -> dict[str, Command]:
    """Return our command with both engines, and whisperX's, by name."""
    return {
        "run": run_command(cache, audio, work / "run"),
        "run --engine exact": run_command(cache, audio, work / "exact", "--engine", "exact"),
        "whisperx": _whisperx(cache, audio, work / "whisperx"),
    }


def run_command(cache: VerifiedCache, audio: Path, folder: Path, *options: str) -> Command:
    """Return `diarize-runner run`, which writes JSON."""
    box = cache.root.parents[1]
    words: tuple[str | Path, ...] = (sys.executable, "-m", "diarize_runner", "run", audio, "--cache", box)
    words += ("--device", "cpu", *options)
    written = folder / f"{audio.stem}.json"
    words += ("--output-dir", folder, "--formats", "json", "--json-style", "whisperx")
    return Command(words=words, written=written)


def _whisperx(cache: VerifiedCache, audio: Path, folder: Path) -> Command:
    """Return whisperX's command with the same weights; without alignment, as its weights are not in the cache.

    Batches of 8 and a beam of 5 are its defaults; the threads are those that our command uses.
    """
    model = select_model(cache.manifest, None)
    snapshot = cache.root / layout.snapshot_folder(model.repo)
    words: tuple[str | Path, ...] = (WHISPERX_ENVIRONMENT.python(), "-m", "whisperx", audio, "--model", snapshot)
    words += ("--language", "en", "--device", "cpu", "--compute_type", "int8", "--threads", _cores(), "--no_align")
    words += ("--diarize", "--diarize_model", cache.pipeline_folder, "--output_dir", folder, "--output_format", "json")
    offline = {**runtime_environment(cache.root / layout.HF_HOME), "PYTHONPATH": str(ROOT)}  # a model class of ours
    return Command(words=words, written=folder / f"{audio.stem}.json", environment=offline)


def measure_commands(
    commands: Mapping[str, Command], audio_seconds: float, rounds: int
) -> dict[str, dict[str, object]]:
    """Return the seconds, their median and the RTF of each command. The commands alternate."""
    taken: dict[str, list[float]] = {}
    for number in range(rounds):
        in_turn = [*commands.items()]
        for name, command in in_turn if number % 2 == 0 else in_turn[::-1]:
            taken.setdefault(name, []).append(_seconds(command))
    return describe(taken, audio_seconds)


def _seconds(command: Command) -> float:
    start = time.perf_counter()
    command.require_success(command.start().wait())
    return time.perf_counter() - start


def _cores() -> str:
    return str(len(os.sched_getaffinity(0)))
