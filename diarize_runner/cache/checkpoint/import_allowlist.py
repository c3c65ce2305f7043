"""The import allowlist: the classes that files of a cache may have pyannote import."""

from collections.abc import Collection
from pathlib import Path

from diarize_runner.cache.checkpoint.clean import is_checkpoint, read_clean
from diarize_runner.cache.checkpoint.ctranslate2_model import is_ctranslate2_model
from diarize_runner.cache.checkpoint.pipeline_config import config_classes
from diarize_runner.errors import UnsafeCheckpoint

STANDARD_CLASSES = (
    "diarize_runner.diarization.campplus.CAMPlusPlus",
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
"""Allowed in every request. Lists classes, since a module also exposes its imports, such as `import_module`."""


def classes_of(path: Path, name: str) -> tuple[str, ...]:
    """Return the classes that pyannote instantiates when it loads the file, sorted.

    Args:
        path: the file to read; may be a blob.
        name: its path in the repository, which decides how it is loaded.

    Raises:
        UnsafeCheckpoint: `cache build` did not write the checkpoint, or the config is unsafe to parse.
    """
    if not is_checkpoint(name):
        return config_classes(path, name)
    if is_ctranslate2_model(path, name):
        return ()
    try:
        return read_clean(path.read_bytes()).class_names
    except UnsafeCheckpoint as reason:
        raise UnsafeCheckpoint(f"{name}: {reason.message}", hint=reason.hint) from reason


def require_allowed(name: str, found: Collection[str], allowed: Collection[str]) -> None:
    """Raise UnsafeCheckpoint when `found`, the classes of the file `name`, are not all in `allowed`."""
    if unknown := sorted({*found} - {*allowed}):
        hint = "do not load it; if you trust its source, allow them in the request: class_names: [...]"
        raise UnsafeCheckpoint(f"{name} makes pyannote load {', '.join(unknown)}", hint=hint)
