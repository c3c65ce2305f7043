"""Read an object into memory, up to a limit: a store may misstate its size."""

from collections.abc import Iterable

from diarize_runner.errors import StoreError


def read_limited(chunks: Iterable[bytes], max_bytes: int, object_url: str) -> bytes:
    """Return the joined `chunks`; raise StoreError, which names `object_url`, when they exceed `max_bytes`."""
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > max_bytes:
            raise StoreError(
                f"{object_url} holds more than {max_bytes:,} bytes", hint="is this the address of a store?"
            )
    return bytes(data)
