"""One command that fetches: its seconds, and the bytes that nginx sent."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.provision.site import PYTHON
from benchmarks.restore.methods import run
from benchmarks.restore.servers import Web

_PYTHON = ("--python", PYTHON)


@dataclass(frozen=True, kw_only=True)
class Step:
    """A command of `diarize-runner cache` and the folder of a box that it fills."""

    words: Sequence[str]
    folder: str
    starts_empty: bool = False
    """Whether the folder is a new one for each version."""


STEPS = {
    "models": Step(words=("restore",), folder="cache"),
    "images": Step(words=("environment", *_PYTHON), folder="images"),
    "wheels": Step(words=("wheels", *_PYTHON), folder="wheels"),
    "toolkit": Step(words=("wheels", "--installer-only", *_PYTHON), folder="inputs", starts_empty=True),
}


@dataclass(frozen=True, kw_only=True)
class Taken:
    """The figures of a step."""

    seconds: float
    bytes: int
    """Sent by nginx, with headers."""
    requests: int
    load_average: float
    """Of the minute before."""


def take(step: Step, web: Web, store: str, version: str, box: Path) -> Taken:
    """Run the command for a version of `store`, a path on the server, on a box."""
    folder = box / (f"{step.folder}-{version}" if step.starts_empty else step.folder)
    source = ["--store", f"{web.url}/{store}", "--version", version]
    command = [sys.executable, "-m", "diarize_runner", "cache", *step.words, *source, "--into", str(folder)]
    os.sync()  # do not wait for earlier writes
    load, seconds = os.getloadavg()[0], 0.0

    def fetch() -> float:
        nonlocal seconds
        seconds = run(command)
        return seconds

    sent = web.count_traffic(fetch)
    return Taken(seconds=seconds, load_average=load, **sent)
