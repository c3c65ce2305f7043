"""Measure this machine's limits in MiB per second: the parts of a restore, each alone and all at once.

Alone, each part has all cores. A restore shares them with its server on the same machine, so the rate of all parts
at once is the fair limit for it.
"""

import hashlib
import os
import statistics
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

MIB = 1 << 20
_CONNECTIONS = 4
_REPEATS = 3


def measure_floors(url: str, size: int, work: Path) -> dict[str, float]:
    """Measure with the first `size` bytes at `url`."""
    parts: dict[str, Callable[[], object]] = {
        "server": lambda: _receive(url, size),
        "sha256": lambda: _hash(size),
        "disk": lambda: _write(work, size),
    }
    rates = {name: _rate(part, size) for name, part in parts.items()}
    return {**rates, "all_at_once": _rate(lambda: _at_once(list(parts.values())), size)}


def _rate(part: Callable[[], object], size: int) -> float:
    seconds = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        part()
        seconds.append(time.perf_counter() - start)
    return size / MIB / statistics.median(seconds)


def _at_once(parts: list[Callable[[], object]]) -> None:
    with ThreadPoolExecutor(len(parts)) as pool:
        for running in [pool.submit(part) for part in parts]:
            running.result()


def _receive(url: str, size: int) -> None:
    """Download with curl over as many connections as a restore uses."""
    share = size // _CONNECTIONS
    ranges = [f"{index * share}-{(index + 1) * share - 1}" for index in range(_CONNECTIONS)]
    running = [subprocess.Popen(["curl", "-fsS", "-o", "/dev/null", "-r", part, url]) for part in ranges]  # noqa: S603, S607
    if any(each.wait() for each in running):
        raise SystemExit(f"error: curl could not read {url}")


def _hash(size: int) -> None:
    cores = os.cpu_count() or 1
    chunk = bytes(MIB)

    def work(_: int) -> None:
        sha256 = hashlib.sha256()
        for _chunk in range(size // cores // MIB):
            sha256.update(chunk)

    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(work, range(cores)))


def _write(work: Path, size: int) -> None:
    path, chunk = work / "plain", b"\1" * MIB
    with path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(chunk)
    path.unlink()
