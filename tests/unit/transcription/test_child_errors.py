"""Errors of native libraries in the child process, which raise many types and say many things."""

import pytest

from diarize_runner.errors import OutOfMemory, PipelineError
from diarize_runner.transcription.answering import describe_failure

OUT_OF_MEMORY = [
    RuntimeError("CUDA failed with error out of memory"),
    RuntimeError("cuBLAS failed with status CUBLAS_STATUS_ALLOC_FAILED"),
    RuntimeError("mkl_malloc: failed to allocate memory"),
    RuntimeError("std::bad_alloc"),
    OSError(12, "Cannot allocate memory"),
    MemoryError(),
]
"""The third is what ctranslate2 4.8.5 raises on a CPU under RLIMIT_AS."""


@pytest.mark.parametrize("reason", OUT_OF_MEMORY, ids=str)
def test_a_lack_of_memory_is_known_by_its_message(reason):
    assert isinstance(describe_failure("transcription", reason).error, OutOfMemory)


def test_another_error_keeps_its_message():
    error = describe_failure("transcription", ValueError("the model is too old")).error
    assert type(error) is PipelineError
    assert str(error) == "transcription failed: the model is too old"
    assert error.hint
