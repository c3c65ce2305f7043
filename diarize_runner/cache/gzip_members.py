"""Gzip streams made of independent, stored members (RFC 1951 section 3.2.4, RFC 1952).

Written here rather than by zlib, because zlib builds differ in how they cut stored blocks and
the archive must have the same bytes everywhere. Read back by zlib, which also reads compressed members.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator

from diarize_runner.errors import IntegrityError

MEMBER = 8 << 20
"""Payload bytes per member at the most."""

_HEADER = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255])
"""Deflate, no name, no time, no extra flags, operating system unknown."""
_LARGEST_BLOCK = 0xFFFF
_WITH_GZIP_HEADER = 31
_PIECE = 1 << 20


def member(payload: bytes) -> Iterator[bytes]:
    """Yield one gzip member that holds `payload`, uncompressed."""
    yield _HEADER
    last = max(0, (len(payload) - 1) // _LARGEST_BLOCK)
    for index in range(last + 1):
        block = payload[index * _LARGEST_BLOCK : (index + 1) * _LARGEST_BLOCK]
        yield struct.pack("<BHH", index == last, len(block), len(block) ^ 0xFFFF)
        yield block
    yield struct.pack("<II", zlib.crc32(payload), len(payload) & 0xFFFFFFFF)


def payload(compressed: Iterable[bytes], *, size: int) -> Iterator[bytes]:
    """Yield the payload of a row of members, at most `size` bytes of it.

    Raises:
        IntegrityError: the stream is no gzip, is cut short, or holds more or less than `size` bytes.
    """
    decoder, seen = zlib.decompressobj(_WITH_GZIP_HEADER), 0
    for piece in compressed:
        waiting = piece
        while waiting:
            if decoder.eof:
                decoder = zlib.decompressobj(_WITH_GZIP_HEADER)
            data = _decompress(decoder, waiting)
            waiting = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
            seen += len(data)
            if seen > size:
                raise IntegrityError(f"holds more than the {size} bytes the manifest names")
            yield data
    if seen != size or not decoder.eof:
        raise IntegrityError(f"ends after {seen} of the {size} bytes the manifest names")


def _decompress(decoder: "zlib._Decompress", data: bytes) -> bytes:
    try:
        return decoder.decompress(data, _PIECE)
    except zlib.error as reason:
        raise IntegrityError(f"is not the gzip stream it was: {reason}") from reason
