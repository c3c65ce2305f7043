"""What goes on in a process that diarizes for a benchmark; `process.py` starts it, asks, and watches it from outside.

It says READY, takes an Assignment and answers with Loaded, then answers each WorkItem with a Done, and DESCRIBE with
the Environment. What goes wrong is an answer too. It ends when nobody asks any more.
"""

import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from diarize_runner.child import channel_of
from diarize_runner.diarization.guard import process_offline
from diarize_runner.errors import DiarizeRunnerError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from diarize_runner.benchmark.bench import Bench
    from diarize_runner.benchmark.measurement import Loading
    from diarize_runner.diarization.engine import Diarizer
    from diarize_runner.diarization.engines import Engine

READY: Final = "ready"
DESCRIBE: Final = "describe"


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """What to load."""

    cache: Path
    device: str
    engine: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """What was loaded."""

    cache: str
    """Name, version and manifest digest."""
    engine: str
    device: str
    loading: "Loading"
    """All but the start of the process, which only its parent can see."""


def main(descriptor: int, parent: int) -> None:
    """Answer until the other end is gone, which the process `parent` has."""
    channel = channel_of(descriptor, parent)  # which ends it in the middle of a recording, too: one may take hours
    channel.send(READY)
    with (
        suppress(EOFError, BrokenPipeError, KeyboardInterrupt),
        process_offline(),
        tempfile.TemporaryDirectory() as folder,
    ):
        try:
            _serve(channel, Path(folder))
        except (DiarizeRunnerError, ModuleNotFoundError) as error:
            channel.send(error)


def _serve(channel: "Connection[Any, Any]", folder: Path) -> None:
    diarizer, loaded = _load(channel.recv())
    channel.send(loaded)
    from diarize_runner.benchmark.bench import Bench
    from diarize_runner.benchmark.marks import Marks, observed

    marks = Marks(diarizer.synchronise)
    bench = Bench(diarizer=observed(diarizer, marks), marks=marks, folder=folder)
    while True:
        channel.send(_answer(bench, channel.recv()))


def _answer(bench: "Bench", asked: Any) -> object:
    from diarize_runner.benchmark.environment import environment

    return environment(bench.diarizer.device) if asked == DESCRIBE else bench.run(asked)


def _load(assignment: Assignment) -> "tuple[Diarizer, Loaded]":
    """Load as a box does, each part on the clock."""
    start = time.perf_counter()
    from diarize_runner.cache.box.open import open_cache
    from diarize_runner.progress import Silent

    cache = open_cache(assignment.cache, Silent())
    verified = time.perf_counter()
    from diarize_runner.diarization.engine import import_pyannote, load
    from diarize_runner.diarization.surroundings import stay_offline

    stay_offline(cache)
    import_pyannote(cache)
    imported = time.perf_counter()
    from diarize_runner.benchmark.environment import device_name
    from diarize_runner.benchmark.measurement import Loading

    diarizer = load(cache, assignment.device, cast("Engine", assignment.engine))
    diarizer.synchronise()
    seconds = Loading(verify=verified - start, imports=imported - verified, load=time.perf_counter() - imported)
    manifest, device = cache.manifest, device_name(diarizer.device)
    named = f"{manifest.name} {manifest.version} {manifest.digest}"
    return diarizer, Loaded(cache=named, engine=diarizer.engine, device=device, loading=seconds)
