"""What child processes that hold a model share: the loop over requests, samples, and failures."""

import mmap
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from diarize_runner.child import die_with_parent
from diarize_runner.diarization.garbage import freezing_objects
from diarize_runner.diarization.guard import process_offline
from diarize_runner.errors import DiarizeRunnerError, OutOfMemory, PipelineError
from diarize_runner.transcription.protocol import Failed
from diarize_runner.unexpected import first_line

if TYPE_CHECKING:
    import numpy.typing as npt

Emit = Callable[[Any], None]
"""Sends an event to the parent at once."""

_OUT_OF_MEMORY: Final = ("out of memory", "bad_alloc", "alloc_failed", "cannot allocate", "failed to allocate")
"""In messages of CUDA, cuBLAS, C++ and MKL."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answering:
    """How a child answers. A request has a key `load`, and a loaded model the `request` that it was loaded for."""

    task: str
    """Such as `transcription`, for messages."""
    decode: Callable[[str], Any]
    load: Callable[[Any, Emit], Any]
    """Takes what a request loads."""
    answer: Callable[[Any, Any, int, Emit], None]
    """Takes the loaded model, the request and the descriptor of the samples; emits events."""
    encode: Callable[[Any], str]
    errors: tuple[type[Exception], ...]
    """What the libraries raise."""


def answer_requests(child: Answering) -> None:
    """Answer the requests on stdin; keep the model loaded for the next one that names the same."""
    events, samples, parent = map(int, sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets it too, and ends this process
    die_with_parent(parent)
    loaded: Any = None
    with os.fdopen(events, "w", buffering=1, encoding="utf-8") as sink, process_offline():

        def emit(event: Any) -> None:
            sink.write(child.encode(event))

        for line in sys.stdin:
            request = child.decode(line)
            try:
                if loaded is None or loaded.request != request.load:
                    loaded = None  # free the memory of the one before
                    with freezing_objects():
                        loaded = child.load(request.load, emit)
                child.answer(loaded, request, samples, emit)
            except DiarizeRunnerError as error:
                emit(Failed.of(error))
            except child.errors as reason:
                emit(describe_failure(child.task, reason))


def map_samples(descriptor: int, count: int) -> "npt.NDArray[np.float32]":
    """Return the samples in the shared memory, without a copy; they are read-only."""
    size = count * np.dtype(np.float32).itemsize
    return np.frombuffer(mmap.mmap(descriptor, size, access=mmap.ACCESS_READ), dtype=np.float32)


def describe_failure(task: str, reason: Exception) -> Failed:
    """Describe an error of a library: each raises many types."""
    text = str(reason).lower()
    is_memory = isinstance(reason, MemoryError) or any(each in text for each in _OUT_OF_MEMORY)
    kind = OutOfMemory if is_memory else PipelineError
    message = f"{task} failed: {first_line(reason) or type(reason).__name__}"
    return Failed(kind=kind.__name__, message=message, hint="run it again with -v for what the libraries print")
