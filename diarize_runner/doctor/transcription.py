"""Check that this box can transcribe, if its cache holds transcription models."""

from importlib.util import find_spec
from pathlib import Path

from diarize_runner.cache.box.folder import find_cache, read_manifest
from diarize_runner.diarization.wsl import load_driver
from diarize_runner.doctor.check import PROVISION
from diarize_runner.doctor.device import has_gpu
from diarize_runner.errors import DiarizeRunnerError
from diarize_runner.transcription.cublas import load_cublas
from diarize_runner.transcription.models import TranscriptionModel, find_models

_PACKAGE = "faster_whisper"
_NO_MODEL = "the cache holds no transcription model"


def check_transcription(folder: Path, device: str) -> str:
    """Name the models in the cache and the device that runs them, and look for the libraries that they need.

    Raises:
        ManifestError: `folder` holds no cache.
        DeviceUnavailable: the box has a GPU, but not the CUDA library that transcription needs.
        DiarizeRunnerError: faster-whisper is not installed.
    """
    models = _models(folder)
    if not models:
        return _NO_MODEL
    require_package()
    place = "the CPU"
    if device != "cpu" and has_gpu():
        load_driver()
        load_cublas()
        place = "the GPU"
    return f"models: {', '.join(model.name for model in models)}; they run on {place}"


def require_model(folder: Path) -> str:
    """Return what `--model` takes by default.

    Raises:
        ManifestError: `folder` holds no cache.
        DiarizeRunnerError: the cache holds no transcription model.
    """
    models = _models(folder)
    if not models:
        hint = "publish a version with one, such as cache_manifests/whisper-small.yaml: docs/models.md"
        raise DiarizeRunnerError(_NO_MODEL, hint=hint)
    return f"{models[0].name} is the default"


def require_package() -> None:
    """Raise DiarizeRunnerError if faster-whisper is not installed; only the child process imports it."""
    if find_spec(_PACKAGE) is None:
        raise DiarizeRunnerError("faster-whisper is not installed", hint=PROVISION)


def _models(folder: Path) -> tuple[TranscriptionModel, ...]:
    return find_models(read_manifest(find_cache(folder)))
