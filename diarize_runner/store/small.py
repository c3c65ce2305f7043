"""Objects that are read whole: a store may lie about their size before anything is checked."""

from collections.abc import Iterable

from diarize_runner.errors import StoreError


def read_small(pieces: Iterable[bytes], most: int, place: str) -> bytes:
    """Read an object that errors call `place` into memory; raise StoreError when it holds more than `most` bytes."""
    data = bytearray()
    for piece in pieces:
        data += piece
        if len(data) > most:
            raise StoreError(f"{place} holds more than {most:,} bytes", hint="is this the address of a store?")
    return bytes(data)
