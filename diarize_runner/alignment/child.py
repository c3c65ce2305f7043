"""The child process that aligns, in whisperX's environment; protocol.py describes how it is asked and how it answers.

Only this module imports whisperX and NLTK. It may import only modules of this package that need the standard library
and numpy. All files are loaded from verified copies: the weights are in memory, and no process can change them.
"""

import functools
import os
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from diarize_runner.alignment.protocol import (
    AlignedWords,
    AlignerLoaded,
    AlignmentModelFiles,
    AlignmentRequest,
    Utterance,
    encode_event,
)
from diarize_runner.digests import hash_bytes
from diarize_runner.errors import IntegrityError
from diarize_runner.transcription.answering import Answering, Emit, answer_requests, map_samples
from diarize_runner.transcription.protocol import ModelFile

_PACKAGES: Final = ("whisperx", "torch", "torchaudio", "transformers", "nltk", "numpy", "pandas")
"""Packages that affect the times."""
_KEYS: Final = ("start", "end")


@dataclass(frozen=True, kw_only=True, slots=True)
class _LoadedModel:
    """A model, and what it was loaded for."""

    request: AlignmentModelFiles
    model: Any
    metadata: dict[str, Any]


def main() -> None:
    """Answer the requests on stdin."""
    errors = (ImportError, LookupError, MemoryError, OSError, RuntimeError, ValueError)
    answer_requests(
        Answering(
            task="alignment",
            decode=AlignmentRequest.decode,
            load=_load,
            answer=_answer,
            encode=encode_event,
            errors=errors,
        )
    )


def _load(request: AlignmentModelFiles, _emit: Emit) -> _LoadedModel:
    """Load a model, and the data of NLTK for its language.

    Raises:
        IntegrityError: a file has changed since it was verified.
    """
    with tempfile.TemporaryDirectory(prefix="diarize-runner-") as folder:
        model, data = Path(folder, "model"), Path(folder, "nltk")
        held = [_place_in_memory(file, model / file.name) for file in request.files]
        _write(request.sentences, data / request.sentences.name)
        try:
            _load_sentences(data, request.language)
            return _load_model(request, model)
        finally:
            for descriptor in held:
                os.close(descriptor)


def _load_model(request: AlignmentModelFiles, folder: Path) -> _LoadedModel:
    from whisperx import alignment

    model, metadata = alignment.load_align_model(
        request.language, request.device, model_name=str(folder), model_cache_only=True
    )
    return _LoadedModel(request=request, model=model.eval(), metadata=metadata)


def _load_sentences(folder: Path, language: str) -> None:
    """Load the data once: whisperX would read it again for each segment."""
    import nltk.data
    from whisperx import alignment

    nltk.data.path[:] = [str(folder)]
    alignment.nltk_load = functools.cache(nltk.data.load)
    name = alignment.PUNKT_LANGUAGES.get(language, "english")
    alignment.nltk_load(f"tokenizers/punkt_tab/{name}.pickle")


def _place_in_memory(file: ModelFile, path: Path) -> int:
    """Put a verified copy into a memory file, and link it at `path`; return its descriptor."""
    descriptor = os.memfd_create(path.name)
    with os.fdopen(os.dup(descriptor), "wb") as copy:
        copy.write(_read(file))
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(f"/proc/self/fd/{descriptor}")
    return descriptor


def _write(file: ModelFile, path: Path) -> None:
    """Write a verified copy: NLTK follows no link."""
    path.parent.mkdir(parents=True)
    path.write_bytes(_read(file))


def _read(file: ModelFile) -> bytes:
    data = Path(file.path).read_bytes()
    found = hash_bytes(data)
    if (found.size, str(found.digest)) != (file.size, file.digest):
        hint = "fetch the wrong files: diarize-runner cache verify DIR --repair --store STORE"
        raise IntegrityError(f"{file.path} ({file.name}) has changed since it was verified", hint=hint)
    return data


def _answer(loaded: _LoadedModel, request: AlignmentRequest, samples: int, emit: Emit) -> None:
    emit(AlignerLoaded(packages={name: version(name) for name in _PACKAGES}))
    waveform = map_samples(samples, request.samples).copy()  # torch warns of memory that it may not write
    for utterance in request.utterances:
        emit(AlignedWords(words=_align(loaded, utterance, waveform)))


def _align(loaded: _LoadedModel, utterance: Utterance, waveform: Any) -> list[Any]:
    from whisperx import alignment

    segment = {"start": utterance.start, "end": utterance.end, "text": utterance.text}
    found = alignment.align([segment], loaded.model, loaded.metadata, waveform, loaded.request.device)
    return [_describe(word) for word in found["word_segments"]]


def _describe(word: dict[str, Any]) -> dict[str, object]:
    return {"word": word["word"], **{key: round(float(word[key]), 3) for key in _KEYS if key in word}}


if __name__ == "__main__":
    main()
