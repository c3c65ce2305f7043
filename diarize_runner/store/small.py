"""Objects that are read whole, and how many bytes each may hold: a store may lie about them before any is checked."""

from collections.abc import Iterable

from diarize_runner.cache.documents.manifest import MANIFEST_NAME, SIGNATURE_NAME
from diarize_runner.errors import StoreError
from diarize_runner.store.protocol import latest_key

SMALL = 16 << 20
"""Bytes: some twenty times the manifest of a large cache."""
_POINTER, _SIGNATURE = 64 << 10, 4 << 10
"""Bytes: some hundred times what each has."""


def most_of(key: str) -> int:
    """Return the most bytes that the small object of that name may hold."""
    if key == latest_key(MANIFEST_NAME):
        return _POINTER
    return _SIGNATURE if key.endswith(SIGNATURE_NAME) else SMALL


def read_small(pieces: Iterable[bytes], key: str, place: str) -> bytes:
    """Read an object that errors call `place` into memory; raise StoreError when it is larger than it may be."""
    data, most = bytearray(), most_of(key)
    for piece in pieces:
        data += piece
        if len(data) > most:
            raise StoreError(f"{place} holds more than {most:,} bytes", hint="is this the address of a store?")
    return bytes(data)
