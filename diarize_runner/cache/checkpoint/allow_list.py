"""The import allow-list: nothing enters a cache, or is loaded from one, that imports what nobody allowed."""

from collections.abc import Collection
from pathlib import Path

from diarize_runner.cache.checkpoint.clean import is_checkpoint, read_clean
from diarize_runner.cache.checkpoint.pipeline_config import config_classes
from diarize_runner.errors import UnsafeCheckpoint

STANDARD = (
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
)
"""What every request allows. Classes one by one: a module has all that it imports, as `core.model.import_module`."""


def classes_of(path: Path, name: str) -> tuple[str, ...]:
    """Return the classes that pyannote makes an object of when it loads the file, sorted.

    Args:
        path: where the file lies; it may be a blob.
        name: its path in the repository, which says what it is loaded as.

    Raises:
        UnsafeCheckpoint: it is a checkpoint that `cache build` did not write, or a config that cannot be read safely.
    """
    if not is_checkpoint(name):
        return config_classes(path, name)
    try:
        return read_clean(path.read_bytes()).class_names
    except UnsafeCheckpoint as reason:
        raise UnsafeCheckpoint(f"{name}: {reason.message}", hint=reason.hint) from reason


def require_allowed(name: str, found: Collection[str], allowed: Collection[str]) -> None:
    """Raise UnsafeCheckpoint, with their names, when the file called `name` has pyannote load other classes."""
    if unknown := sorted({*found} - {*allowed}):
        hint = "do not load it; if you trust its source, allow them in the request: class_names: [...]"
        raise UnsafeCheckpoint(f"{name} has pyannote load {', '.join(unknown)}", hint=hint)
