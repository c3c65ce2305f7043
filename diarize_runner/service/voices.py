"""The file of `serve --voices`: the enrolled voices after which jobs can have their speakers named.

It is read again for each such job, so that `voices enroll` and `voices delete` take effect at once.
"""

from pathlib import Path
from typing import Final

from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.diarization.models import named_embedding_model_digest
from diarize_runner.service.guarded_file import OTHERS_USE, GuardedFile
from diarize_runner.voices.file import VoiceFile

_FILE: Final = GuardedFile(
    content="voices",
    kind="voices",
    missing_hint=(
        "make it: diarize-runner voices enroll NAME AUDIO --voices FILE; its reader must be the user of the service"
    ),
    owner_threat="add a voice",
    refused_mode=OTHERS_USE,
    mode_error="other users can use {path}, which holds voices",
)


def load_voices(path: Path) -> VoiceFile:
    """Read a file, which may hold no voice yet.

    Raises:
        UsageError: it cannot be read, or other users can.
        ManifestError: it is empty or damaged, or another release wrote it.
    """
    return VoiceFile.parse(path, _FILE.read(path))


def require_usable(path: Path, cache: VerifiedCache) -> None:
    """Refuse a file whose voices another model than that of the cache made.

    A model that the pipeline's config does not name is known once the pipeline is loaded, which imports torch: a job
    compares it. Raises VoiceError, as `load_voices` does, and as `resolve_config` does.
    """
    file, model = load_voices(path), named_embedding_model_digest(cache)
    if model is not None:
        file.require_model(model)
