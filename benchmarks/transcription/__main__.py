"""Measure, and write the report after each part, so that an interruption loses only one."""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.engines.models import embedded, verified
from benchmarks.transcription.accuracy import measure_accuracy, score_files
from benchmarks.transcription.commands import commands, measure_commands, run_command
from benchmarks.transcription.memory import measure_memory
from benchmarks.transcription.page import render
from benchmarks.transcription.recordings import KnownRecording, read_folder, sample, write_repeated
from benchmarks.transcription.speed import measure_speed
from diarize_runner.benchmark.environment import describe_environment
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.diarization.audio import decode
from diarize_runner.diarization.engine import Diarizer, load
from diarize_runner.diarization.engines import AUTO
from diarize_runner.digests import hash_file
from diarize_runner.errors import DiarizeRunnerError
from diarize_runner.jobs.provenance import TRANSCRIPTION_PACKAGES
from diarize_runner.transcription.models import select_model

PARTS = ("accuracy", "speed", "commands", "memory")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    """What to measure."""

    cache: VerifiedCache
    recordings: Sequence[KnownRecording]
    seconds: float
    rounds: int
    work: Path


def main() -> None:
    """Measure, and print the tables."""
    try:
        _run(parse(sys.argv[1:]))
    except DiarizeRunnerError as error:
        sys.exit(f"error: {error.message}\nhint: {error.hint}" if error.hint else f"error: {error.message}")


def parse(words: list[str]) -> argparse.Namespace:
    """Parse the command line."""
    described = "Measure transcription and speaker assignment, beside whisperX, on the CPU."
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transcription", description=described)
    described = "recordings NAME.wav (or FLAC, MP3, ...) with NAME.stm; default: pyannote.audio's sample"
    parser.add_argument("--recordings", type=Path, metavar="FOLDER", help=described)
    parser.add_argument("--cache", type=Path, metavar="DIR", help="a restored embedded cache; default: build one")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="default: all")
    parser.add_argument("--rounds", type=int, default=3, help="of speed and commands; default: %(default)s")
    described = "of audio for speed and memory: the first recording, repeated; default: %(default)s"
    parser.add_argument("--seconds", type=float, default=90.0, help=described)
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON")
    return parser.parse_args(words)


def _run(arguments: argparse.Namespace) -> None:
    recordings = read_folder(arguments.recordings) if arguments.recordings else (sample(),)
    with tempfile.TemporaryDirectory(prefix="bench-transcription-") as folder:
        work = Path(folder)
        cache = verified(arguments.cache) if arguments.cache else embedded(work)
        plan = _Plan(cache=cache, recordings=recordings, seconds=arguments.seconds, rounds=arguments.rounds, work=work)
        report = _measure(plan, arguments.parts, arguments.output)
    sys.stdout.write(f"{render(report)}\n")


def _measure(plan: _Plan, parts: Sequence[str], output: Path | None) -> dict[str, Any]:
    diarizer = load(plan.cache, "cpu", AUTO)
    report = _describe(plan, diarizer)
    for name in parts:
        start = time.perf_counter()
        report |= _MEASURES[name](plan, diarizer)
        report["load_average_after"] = os.getloadavg()[0]
        sys.stderr.write(f"{name}: measured in {time.perf_counter() - start:.0f} s\n")
        if output:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return report


def _describe(plan: _Plan, diarizer: Diarizer) -> dict[str, Any]:
    manifest = plan.cache.manifest
    environment = describe_environment("cpu").to_dict()
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "environment": environment,
        "transcription_packages": {name: version(name) for name in TRANSCRIPTION_PACKAGES},
        "cache": f"{manifest.name} {manifest.version} {manifest.digest}",
        "model": select_model(manifest, None).name,
        "engine": diarizer.engine,
        "recordings": [*_describe_recordings(plan.recordings)],
    }


def _describe_recordings(recordings: Sequence[KnownRecording]) -> Iterator[dict[str, object]]:
    for each in recordings:
        seconds = round(decode(each.audio).duration, 2)
        yield {"name": each.audio.name, "seconds": seconds, "digest": str(hash_file(each.audio).digest)}


def _accuracy(plan: _Plan, diarizer: Diarizer) -> dict[str, Any]:
    rows, packages = measure_accuracy(plan.cache, diarizer, plan.recordings)
    return {"accuracy": rows, "other_packages": packages}


def _speed(plan: _Plan, diarizer: Diarizer) -> dict[str, Any]:
    audio = plan.recordings[0].audio
    return {"speed": measure_speed(plan.cache, diarizer, audio, plan.seconds, plan.rounds)}


def _commands(plan: _Plan, _: Diarizer) -> dict[str, Any]:
    first = plan.recordings[0]
    measured = commands(plan.cache, first.audio, plan.work)
    seconds = decode(first.audio).duration
    times = measure_commands(measured, seconds, plan.rounds)
    scores = score_files(first.reference, {name: command.written for name, command in measured.items()})
    by_name = {name: times[name] | scores[name] for name in measured}
    return {"commands": {"audio_seconds": round(seconds, 2), "commands": by_name}}


def _memory(plan: _Plan, _: Diarizer) -> dict[str, Any]:
    audio, seconds = write_repeated(plan.recordings[0].audio, plan.seconds, plan.work)
    peaks = measure_memory(run_command(plan.cache, audio, plan.work / "memory"))
    return {"memory": {"audio_seconds": round(seconds, 2), **peaks}}


_MEASURES = {"accuracy": _accuracy, "speed": _speed, "commands": _commands, "memory": _memory}


if __name__ == "__main__":
    main()
