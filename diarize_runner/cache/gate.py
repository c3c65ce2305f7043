"""The gate: nothing is put into a cache, or loaded out of one, that would import what nobody allowed."""

from pathlib import Path

from diarize_runner.cache.checkpoint.names import HARMLESS, checkpoint_imports
from diarize_runner.cache.imports import Imports
from diarize_runner.cache.pipeline_config import config_imports

STANDARD = Imports(
    pickle_names=HARMLESS,
    class_names=(
        "diarize_runner.diarization.ge2e.GE2EEncoder",
        "pyannote.audio.models.embedding.wespeaker.WeSpeakerResNet152",
        "pyannote.audio.models.embedding.wespeaker.WeSpeakerResNet221",
        "pyannote.audio.models.embedding.wespeaker.WeSpeakerResNet293",
        "pyannote.audio.models.embedding.wespeaker.WeSpeakerResNet34",
        "pyannote.audio.models.embedding.xvector.XVectorMFCC",
        "pyannote.audio.models.embedding.xvector.XVectorSincNet",
        "pyannote.audio.models.segmentation.PyanNet.PyanNet",
        "pyannote.audio.pipelines.SpeakerDiarization",
        "pyannote.audio.pipelines.speaker_diarization.SpeakerDiarization",
    ),
)
"""What every request allows. Classes one by one: a module has all that it imports, as `core.model.import_module`."""


def imports_of(path: Path, name: str) -> Imports:
    """Return what loading the file would import; `name` is its own name, for `path` may be a blob.

    Raises:
        UnsafeCheckpoint: the file is called like a checkpoint or a config, and cannot be read as one.
    """
    return checkpoint_imports(path, name) | config_imports(path, name)
