"""Publish the version that benchmarks.provision has built, without a copy of its wheels and images."""

from pathlib import Path

from benchmarks.provision.site import KEPT, build_version
from diarize_runner.cache.documents.manifest import MANIFEST_NAME, CacheManifest
from diarize_runner.cache.published.publish import publish
from diarize_runner.cache.published.shared_files import shared_files
from diarize_runner.progress import NoProgress
from diarize_runner.store.local import LocalStore


def kept_version() -> Path:
    """Return the folder of the built version; build it if there is none."""
    if not (KEPT / MANIFEST_NAME).is_file():
        build_version()
    return KEPT


def link_store(built: Path, store: Path) -> None:
    """Publish a built version to a folder, with links to its wheels and images."""
    manifest = CacheManifest.from_bytes((built / MANIFEST_NAME).read_bytes(), MANIFEST_NAME)
    for shared in shared_files(manifest):
        target = store / shared.key
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            target.symlink_to(built / shared.path)
    publish(built, LocalStore(store), NoProgress())
