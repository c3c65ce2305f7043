"""Check that this box can transcribe, if its cache holds transcription models."""

from importlib.util import find_spec
from pathlib import Path

from diarize_runner.cache.box.folder import find_cache, read_manifest
from diarize_runner.doctor.check import PROVISION
from diarize_runner.doctor.device import has_gpu
from diarize_runner.errors import DiarizeRunnerError
from diarize_runner.transcription.cublas import load_cublas
from diarize_runner.transcription.models import find_models

_PACKAGE = "faster_whisper"


def check_transcription(folder: Path, device: str) -> str:
    """Name the models in the cache, and look for the libraries that they need.

    Raises:
        ManifestError: `folder` holds no cache.
        DeviceUnavailable: the box has a GPU, but not the CUDA library that transcription needs.
        DiarizeRunnerError: faster-whisper is not installed.
    """
    models = find_models(read_manifest(find_cache(folder)))
    if not models:
        return "the cache holds no transcription model"
    if find_spec(_PACKAGE) is None:
        raise DiarizeRunnerError("faster-whisper is not installed", hint=PROVISION)
    if device != "cpu" and has_gpu():
        load_cublas()
    return f"models: {', '.join(model.name for model in models)}"
