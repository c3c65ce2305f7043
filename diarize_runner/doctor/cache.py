"""The model cache, against its manifest."""

from pathlib import Path

from diarize_runner.cache.box.open import open_cache
from diarize_runner.cache.box.ownership import require_unchangeable
from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.progress import Progress


def look_at_cache(folder: Path, progress: Progress) -> VerifiedCache:
    """Verify the version in use, and that nobody else can change it; raises as these do."""
    cache = open_cache(folder, progress)
    require_unchangeable(cache.root)
    return cache
