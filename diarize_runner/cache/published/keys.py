"""Object keys of a published store, and size limits of its documents."""

import re

from diarize_runner.cache.documents.manifest import MANIFEST_NAME, VERSION
from diarize_runner.store.protocol import ArchiveStore

MAX_POINTER_BYTES, MAX_SIGNATURE_BYTES = 64 << 10, 4 << 10
"""About a hundred times the actual sizes."""


def version_key(version: str, name: str) -> str:
    """Return the key of a version's file."""
    return f"v{version}/{name}"


def latest_key(name: str) -> str:
    """Return the key of the pointer, or of a file's copy beside it."""
    return f"latest/{name}"


def published_versions(store: ArchiveStore) -> list[str]:
    """Return every version with a manifest, in any order; raise StoreError when the store cannot be listed."""
    folders = store.list_folders("v", containing=MANIFEST_NAME)
    return [folder[1:] for folder in folders if re.fullmatch(VERSION, folder[1:])]
