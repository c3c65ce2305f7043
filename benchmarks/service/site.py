"""What all scenarios share: the cache, the recordings, the keys, and how much to do."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.service.load import Load
from benchmarks.service.memory import MemoryLog, sampling
from benchmarks.service.server import Server, add_key, serving
from diarize_runner.benchmark.compose.scene import Scene, compose

KEYS = 20
"""Of 120 requests a minute each."""
_SHORT = Scene(name="four-seconds", seconds=4.0, speakers=2)
_LONG = Scene(name="half-a-minute", seconds=30.0, speakers=2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How much each scenario does."""

    uploads: int
    jobs: int
    slow_clients: int
    recordings: int
    rounds: int
    soak_minutes: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """A folder with recordings and keys."""

    work: Path
    cache: Path
    """A restored cache."""
    short: Path
    """A recording of 4 s."""
    long: Path
    """A recording of 30 s."""
    key_file: Path
    keys: tuple[str, ...]
    """Of clients."""
    monitor: str
    """The key of the requests of the benchmark itself."""
    sizes: Sizes

    @contextmanager
    def serve(self, *options: str) -> Iterator[tuple[Server, MemoryLog]]:
        """Yield a new server, and samples of its memory; remove its folder at the end."""
        folder = self.work / "service"
        shutil.rmtree(folder, ignore_errors=True)
        with serving(folder, self.cache, self.key_file, *options) as server, sampling(server.resident) as memory:
            yield server, memory

    def load(self, users_file: str, server: Server, users: int, **settings: Any) -> Load:
        """Return a load on the server, with the keys of all clients and the short recording unless set otherwise."""
        settings = {"tokens": self.keys, "recording": str(self.short), **settings}
        answers = self.work / f"{users_file}.jsonl"
        return Load(users_file=users_file, url=server.url, users=users, answers=answers, settings=settings)


def make_site(work: Path, cache: Path, sizes: Sizes) -> Site:
    """Compose the recordings, and add the keys."""
    key_file = work / "keys.json"
    return Site(
        work=work,
        cache=cache,
        short=compose(_SHORT).write(work).audio,
        long=compose(_LONG).write(work).audio,
        key_file=key_file,
        keys=tuple(add_key(key_file, f"client-{number}") for number in range(KEYS)),
        monitor=add_key(key_file, "monitor"),
        sizes=sizes,
    )
