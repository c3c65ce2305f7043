"""The child process that transcribes; protocol.py describes how it is asked and how it answers.

Only this module imports faster_whisper and ctranslate2. Weights are loaded from bytes that were hashed here:
ctranslate2 loads damaged ones without an error, and transcribes nonsense.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from diarize_runner.diarization.wsl import load_driver
from diarize_runner.digests import hash_bytes
from diarize_runner.errors import (
    DeviceUnavailable,
    IntegrityError,
    UsageError,
)
from diarize_runner.transcription.answering import Answering, Emit, answer_requests, map_samples
from diarize_runner.transcription.cublas import load_cublas
from diarize_runner.transcription.options import float16_on_cpu
from diarize_runner.transcription.protocol import (
    Finished,
    Loaded,
    LoadRequest,
    ModelFile,
    Request,
    TranscribedSegment,
    encode_event,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from faster_whisper import WhisperModel

_BEAM_SIZE: Final = 5
_SEED: Final = 0
"""Whisper samples at random where a first decoding looks wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _LoadedModel:
    """A model, and what it was loaded for."""

    request: LoadRequest
    model: "WhisperModel"
    device: str
    compute_type: str


def main() -> None:
    """Answer the requests on stdin."""
    sys.modules["torch"] = None  # type: ignore[assignment]  # ctranslate2 imports it if it can, and does not need it
    errors = (MemoryError, OSError, RuntimeError, ValueError)
    answer_requests(
        Answering(
            task="transcription", decode=Request.decode, load=_load, answer=_answer, encode=encode_event, errors=errors
        )
    )


def _load(request: LoadRequest, _emit: Emit) -> _LoadedModel:
    """Load a model from verified bytes.

    Raises:
        IntegrityError: a file has changed since it was verified.
        DeviceUnavailable: a GPU is requested, but there is none.
        UsageError: the CPU has no such precision.
    """
    device = _choose_device(request.device)
    compute_type = _choose_precision(request.compute_type, device)
    from faster_whisper import WhisperModel

    files = {file.name: _read(file) for file in request.files}
    threads = 0 if "OMP_NUM_THREADS" in os.environ else len(os.sched_getaffinity(0))
    model = WhisperModel(
        request.model, device=device, compute_type=compute_type, cpu_threads=threads, files=files, local_files_only=True
    )
    return _LoadedModel(request=request, model=model, device=device, compute_type=compute_type)


def _choose_device(device: str) -> str:
    if device == "cpu":
        return device
    import ctranslate2

    load_driver()
    devices = ctranslate2.get_cuda_device_count()
    if device == "cuda" and not devices:
        hint = "run diarize-runner doctor to find the cause, or use --device cpu"
        raise DeviceUnavailable("ctranslate2 finds no CUDA device", hint=hint)
    if devices:
        load_cublas()
    return "cuda" if devices else "cpu"


def _choose_precision(compute_type: str, device: str) -> str:
    if compute_type == "auto":
        return "float16" if device == "cuda" else "int8"
    if compute_type == "float16" and device == "cpu":
        raise float16_on_cpu()
    return compute_type


def _read(file: ModelFile) -> bytes:
    data = Path(file.path).read_bytes()
    found = hash_bytes(data)
    if (found.size, str(found.digest)) != (file.size, file.digest):
        hint = "fetch the wrong files: diarize-runner cache verify DIR --repair --store STORE"
        raise IntegrityError(f"{file.path} ({file.name}) has changed since it was verified", hint=hint)
    return data


def _answer(loaded: _LoadedModel, request: Request, samples: int, emit: Emit) -> None:
    import ctranslate2

    emit(Loaded(device=loaded.device, compute_type=loaded.compute_type))
    model = loaded.model
    if not model.model.is_multilingual and (request.language not in (None, "en") or request.task != "transcribe"):
        raise UsageError(f"{loaded.request.model} knows only English", hint="use a model without .en in its name")
    ctranslate2.set_random_seed(_SEED)
    segments, info = _transcribe(model, map_samples(samples, request.samples), request)
    for segment in segments:
        emit(TranscribedSegment(segment=_describe(segment)))
    emit(Finished(language=info.language))


def _transcribe(model: "WhisperModel", samples: "npt.NDArray[np.float32]", request: Request) -> tuple[Any, Any]:
    """Return the segments, which are computed on iteration, and information about the recording."""
    options = {
        "language": request.language,
        "task": request.task,
        "beam_size": _BEAM_SIZE,
        "word_timestamps": request.words,
        "vad_filter": request.vad,
    }
    if request.batch_size == 1:
        segments, info = model.transcribe(samples, **options)
        return segments, info
    from faster_whisper import BatchedInferencePipeline

    # Without timestamps, which is the default, a segment has up to 30 s.
    batched = BatchedInferencePipeline(model)
    segments, info = batched.transcribe(samples, **options, batch_size=request.batch_size, without_timestamps=False)
    return segments, info


def _describe(segment: Any) -> dict[str, object]:
    words = [
        {
            "start": round(float(word.start), 3),
            "end": round(float(word.end), 3),
            "word": word.word,
            "probability": round(float(word.probability), 3),
        }
        for word in segment.words or ()
    ]
    span = {"start": round(float(segment.start), 3), "end": round(float(segment.end), 3)}
    return {**span, "text": segment.text, **({"words": words} if words else {})}


if __name__ == "__main__":
    main()
