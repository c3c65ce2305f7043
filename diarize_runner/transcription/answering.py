"""What child processes that hold a model share: read samples, send events, describe failures."""

import mmap
from typing import TYPE_CHECKING, Final, TextIO

import numpy as np

from diarize_runner.errors import OutOfMemory, PipelineError
from diarize_runner.transcription.protocol import Failed
from diarize_runner.unexpected import first_line

if TYPE_CHECKING:
    import numpy.typing as npt

_OUT_OF_MEMORY: Final = ("out of memory", "bad_alloc", "alloc_failed", "cannot allocate", "failed to allocate")
"""In messages of CUDA, cuBLAS, C++ and MKL."""


def map_samples(descriptor: int, count: int) -> "npt.NDArray[np.float32]":
    """Return the samples in the shared memory, without a copy; they are read-only."""
    size = count * np.dtype(np.float32).itemsize
    return np.frombuffer(mmap.mmap(descriptor, size, access=mmap.ACCESS_READ), dtype=np.float32)


def send(sink: TextIO, line: str) -> None:
    """Send an event, encoded as a line."""
    sink.write(line)
    sink.flush()


def describe_failure(task: str, reason: Exception) -> Failed:
    """Describe an error of a library: each raises many types."""
    text = str(reason).lower()
    is_memory = isinstance(reason, MemoryError) or any(each in text for each in _OUT_OF_MEMORY)
    kind = OutOfMemory if is_memory else PipelineError
    message = f"{task} failed: {first_line(reason) or type(reason).__name__}"
    return Failed(kind=kind.__name__, message=message, hint="run it again with -v for what the libraries print")
