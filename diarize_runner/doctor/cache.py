"""Check the model cache against its manifest."""

from pathlib import Path

from diarize_runner.cache.box.open import open_cache
from diarize_runner.cache.box.ownership import require_trusted_folder
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.progress import Progress


def check_cache(folder: Path, progress: Progress) -> VerifiedCache:
    """Verify the version in use, and that only its owner can change it; raises as the two checks do."""
    cache = open_cache(folder, progress)
    require_trusted_folder(cache.root)
    return cache
