"""One turn: some boxes fetch the same at once, each into an empty folder of its own."""

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.provision.site import PYTHON
from benchmarks.restore.servers import Web

MODELS, IMAGES = ("restore",), ("environment", "--python", PYTHON)
"""What a box fetches: words of a command of `diarize-runner cache`."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """The figures of a turn."""

    seconds: float
    """From the start of the first box to the end of the last one."""
    bytes: int
    """Sent by the origin, with headers."""
    requests: int
    """Answered by the origin."""
    load_average: float
    """Of the minute before."""


def take_turn(what: Sequence[str], store: str, folders: Sequence[Path], origin: Web) -> Turn:
    """Let one box for each of `folders` fetch from `store`; remove the folders."""
    os.sync()  # do not wait for the writes of the previous turn
    load, seconds = os.getloadavg()[0], 0.0

    def fetch() -> float:
        nonlocal seconds
        seconds = _fetch_side_by_side(what, store, folders)
        return seconds

    sent = origin.count_traffic(fetch)
    for folder in folders:
        shutil.rmtree(folder)
    return Turn(seconds=seconds, load_average=load, **sent)


def _fetch_side_by_side(what: Sequence[str], store: str, folders: Sequence[Path]) -> float:
    """Return the seconds of all."""
    command = [sys.executable, "-m", "diarize_runner", "cache", *what, "--store", store, "--into"]
    start = time.perf_counter()
    running = [
        subprocess.Popen([*command, str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)  # noqa: S603
        for folder in folders
    ]
    errors = [process.communicate()[1] for process in running]
    seconds = time.perf_counter() - start
    for process, error in zip(running, errors, strict=True):
        if process.returncode:
            raise SystemExit(f"error: {' '.join(command)}: {error.decode()}")
    return seconds


def figures(turns: Sequence[Turn]) -> dict[str, object]:
    """Return all figures, and the median of the seconds."""
    return {
        "median_seconds": statistics.median(turn.seconds for turn in turns),
        "seconds": [turn.seconds for turn in turns],
        "origin_bytes": [turn.bytes for turn in turns],
        "origin_requests": [turn.requests for turn in turns],
        "load_averages": [turn.load_average for turn in turns],
    }
