"""What lies where in a store, and how large each document there may be."""

import re

from diarize_runner.cache.documents.manifest import MANIFEST_NAME, VERSION
from diarize_runner.store.protocol import ArchiveStore

LARGEST_POINTER, LARGEST_SIGNATURE = 64 << 10, 4 << 10
"""Bytes: some hundred times what each has."""


def version_key(version: str, name: str) -> str:
    """Return where a file of a version lies."""
    return f"v{version}/{name}"


def latest_key(name: str) -> str:
    """Return where a file of the latest version is copied to, or the pointer lies."""
    return f"latest/{name}"


def published_versions(store: ArchiveStore) -> list[str]:
    """Return every version with a manifest, in no order; raise StoreError when the store cannot be listed."""
    folders = store.folders("v", holding=MANIFEST_NAME)
    return [folder[1:] for folder in folders if re.fullmatch(VERSION, folder[1:])]
