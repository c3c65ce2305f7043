#!/usr/bin/env python3
"""Merge diarization.txt, installer.txt and ray.txt of requirements/py*/ into files that install on all those Pythons.

A pin that all Pythons share has no marker; any other has a `python_version` marker. pip and uv both read the result
with --require-hashes. `compile-locks.sh` runs this last.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
PURPOSES = ("diarization", "installer", "ray")

Pin = tuple[str, tuple[str, ...]]
"""`name==version` and its hashes."""


def read_pins(lock: Path) -> Iterator[Pin]:
    """Yield the pins of a lock from pip-compile."""
    for line in lock.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        if line and not line.lstrip().startswith("#"):
            requirement, *hashes = line.split()
            yield requirement, tuple(sorted(text for text in hashes if text.startswith("--hash=")))


def merge_locks(purpose: str) -> str:
    """Return the merged lock of all Pythons."""
    locks = {folder.name.removeprefix("py"): folder / f"{purpose}.txt" for folder in REQUIREMENTS.glob("py*")}
    pythons = sorted(locks, key=lambda version: [int(part) for part in version.split(".")])
    pythons_by_pin = defaultdict[Pin, list[str]](list)
    for python in pythons:
        for pin in read_pins(locks[python]):
            pythons_by_pin[pin].append(python)
    source = hashlib.sha256((REQUIREMENTS / f"{purpose}.in").read_bytes()).hexdigest()
    head = (
        f"# requirements/{purpose}.in sha256:{source}\n"
        f"# Python {', '.join(pythons)} on Linux x86-64, GPU or CPU. Written by: make lock\n"
        f"# pip install --require-hashes -r requirements-{purpose}.txt\n"
    )
    return head + "".join(format_pin(pin, pythons_by_pin[pin], pythons) for pin in sorted(pythons_by_pin))


def format_pin(pin: Pin, pinned_on: list[str], pythons: list[str]) -> str:
    """Return the lines of a pin, with a marker unless it applies to every Python."""
    requirement, hashes = pin
    marker = "" if pinned_on == pythons else " ; " + " or ".join(f'python_version == "{each}"' for each in pinned_on)
    return " \\\n    ".join([f"{requirement}{marker}", *hashes]) + "\n"


if __name__ == "__main__":
    for each in PURPOSES:
        (REQUIREMENTS / f"requirements-{each}.txt").write_text(merge_locks(each), encoding="utf-8")
