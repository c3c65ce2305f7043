"""The worker process of a benchmark; `process.py` starts it and sends it requests.

It sends READY, answers a LoadRequest with LoadedEngine, then each WorkItem with CallResult, and DESCRIBE with
Environment. An error is an answer too. It ends when the parent closes the pipe.
"""

import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from diarize_runner.child import connect_to_parent
from diarize_runner.diarization.guard import process_offline
from diarize_runner.errors import DiarizeRunnerError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from diarize_runner.benchmark.measurement import Loading
    from diarize_runner.benchmark.timed_call import TimedDiarizer
    from diarize_runner.diarization.engine import Diarizer
    from diarize_runner.diarization.engines import Engine

READY: Final = "ready"
DESCRIBE: Final = "describe"


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadRequest:
    """What to load."""

    cache: Path
    device: str
    engine: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedEngine:
    """What was loaded."""

    cache: str
    """Name, version and manifest digest."""
    engine: str
    device: str
    loading: "Loading"
    """Without `process`, which only the parent can measure."""


def main(descriptor: int, parent: int) -> None:
    """Answer the process `parent` until it closes its end of the pipe."""
    channel = connect_to_parent(descriptor, parent)  # dies with its parent, even during a recording of hours
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
    from diarize_runner.benchmark.stage_timer import StageTimer, instrument
    from diarize_runner.benchmark.timed_call import TimedDiarizer

    stage_timer = StageTimer(diarizer.synchronise)
    timed = TimedDiarizer(diarizer=instrument(diarizer, stage_timer), stage_timer=stage_timer, folder=folder)
    while True:
        channel.send(_answer(timed, channel.recv()))


def _answer(timed: "TimedDiarizer", request: Any) -> object:
    from diarize_runner.benchmark.environment import describe_environment

    return describe_environment(timed.diarizer.device) if request == DESCRIBE else timed.run(request)


def _load(request: LoadRequest) -> "tuple[Diarizer, LoadedEngine]":
    """Load as a box does, and time each part."""
    start = time.perf_counter()
    from diarize_runner.cache.box.open import open_cache
    from diarize_runner.progress import NoProgress

    cache = open_cache(request.cache, NoProgress())
    verified = time.perf_counter()
    from diarize_runner.diarization.engine import import_pyannote_offline, load
    from diarize_runner.diarization.environment import set_offline_environment

    set_offline_environment(cache)
    import_pyannote_offline(cache)
    imported = time.perf_counter()
    from diarize_runner.benchmark.environment import device_name
    from diarize_runner.benchmark.measurement import Loading

    diarizer = load(cache, request.device, cast("Engine", request.engine))
    diarizer.synchronise()
    seconds = Loading(verify=verified - start, imports=imported - verified, load=time.perf_counter() - imported)
    manifest, device = cache.manifest, device_name(diarizer.device)
    named = f"{manifest.name} {manifest.version} {manifest.digest}"
    return diarizer, LoadedEngine(cache=named, engine=diarizer.engine, device=device, loading=seconds)
