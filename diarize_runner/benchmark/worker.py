"""The worker process of a benchmark; `process.py` starts it and sends it requests.

It sends READY, answers a LoadRequest with LoadedEngine, then each WorkItem with CallResult, and DESCRIBE with
Environment. An error is an answer too. It ends when the parent closes the pipe.
"""

import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from diarize_runner.child import connect_to_parent
from diarize_runner.diarization.guard import process_offline
from diarize_runner.errors import DiarizeRunnerError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from diarize_runner.benchmark.measurement import Loading
    from diarize_runner.benchmark.timed_call import TimedDiarizer
    from diarize_runner.cache.box.verify import VerifiedCache
    from diarize_runner.diarization.engine import Diarizer
    from diarize_runner.diarization.engines import Engine
    from diarize_runner.transcription.options import TranscriptionOptions
    from diarize_runner.transcription.transcriber import Transcriber

READY: Final = "ready"
DESCRIBE: Final = "describe"


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadRequest:
    """What to load."""

    cache: Path
    device: str
    engine: str
    transcription: "TranscriptionOptions | None" = None
    """None to diarize only."""


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
    request = channel.recv()
    cache, diarizer, loaded = _load(request)
    with ExitStack() as stack:
        transcriber = _transcriber(cache, request, stack)
        channel.send(loaded)
        from diarize_runner.benchmark.stage_timer import StageTimer, instrument
        from diarize_runner.benchmark.timed_call import TimedDiarizer

        timer = StageTimer(diarizer.synchronise)
        timed = TimedDiarizer(
            diarizer=instrument(diarizer, timer), stage_timer=timer, folder=folder, transcriber=transcriber
        )
        while True:
            channel.send(_answer(timed, channel.recv()))


def _transcriber(cache: "VerifiedCache", request: LoadRequest, stack: ExitStack) -> "Transcriber | None":
    """Return a transcriber if one is requested; its model is loaded by the first call, and `stack` ends it."""
    if request.transcription is None:
        return None
    from diarize_runner.jobs.transcribing import open_transcriber

    return stack.enter_context(open_transcriber(cache, replace(request.transcription, device=request.device)))


def _answer(timed: "TimedDiarizer", request: Any) -> object:
    from diarize_runner.benchmark.environment import describe_environment

    return describe_environment(timed.diarizer.device) if request == DESCRIBE else timed.run(request)


def _load(request: LoadRequest) -> "tuple[VerifiedCache, Diarizer, LoadedEngine]":
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
    return cache, diarizer, LoadedEngine(cache=named, engine=diarizer.engine, device=device, loading=seconds)
