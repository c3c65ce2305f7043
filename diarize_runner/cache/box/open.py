"""Open the cache in a box's folder: find the version in use, and verify it."""

from pathlib import Path

from diarize_runner.cache.box.folder import find_cache, read_manifest
from diarize_runner.cache.box.verify import VerifiedCache, verify
from diarize_runner.progress import Progress


def open_cache(folder: Path, progress: Progress) -> VerifiedCache:
    """Verify every byte and link of the version in use.

    Raises:
        ManifestError: `folder` holds no cache.
        IntegrityError: a file differs from the manifest, or would load a class that the manifest does not list.
        DiskError: a file cannot be read.
    """
    root = find_cache(folder)
    return verify(root, read_manifest(root), progress).require_ok()
