"""The model cache, against its manifest."""

from pathlib import Path

from diarize_runner.cache.box.folder import find_cache, read_manifest
from diarize_runner.cache.box.ownership import require_unchangeable
from diarize_runner.cache.box.verify import VerifiedCache, verify
from diarize_runner.progress import Progress


def look_at_cache(folder: Path, progress: Progress) -> VerifiedCache:
    """Verify every byte and link of the version in use, and that nobody else can change it.

    Raises as `read_manifest`, `require_ok` and `require_unchangeable` do.
    """
    root = find_cache(folder)
    cache = verify(root, read_manifest(root), progress).require_ok()
    require_unchangeable(root)
    return cache
