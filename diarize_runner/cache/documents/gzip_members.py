"""Gzip streams made of independent, stored members (RFC 1951 section 3.2.4, RFC 1952).

Written here rather than by zlib, because zlib builds differ in how they cut stored blocks and the archive must have
the same bytes everywhere. Read here too: stored data needs no inflating, which costs half of the time of a restore,
and what cannot be compressed cannot be a bomb. A reader's trust is in the SHA-256 of the blob, so the members'
CRC-32 is for people with `gzip -t`.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator

from diarize_runner.errors import IntegrityError

MEMBER = 8 << 20
"""Payload bytes per member at the most."""

_HEADER = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255])
"""Deflate, no name, no time, no extra flags, operating system unknown."""
_BLOCK = struct.Struct("<BHH")
"""Whether it is the last (bit 0) and stored (bits 1 and 2 clear), length, and its complement."""
_TRAILER = struct.Struct("<II")
"""CRC-32 and length."""
_LARGEST_BLOCK = 0xFFFF

STORED_MEMBER = len(_HEADER) + -(-MEMBER // _LARGEST_BLOCK) * _BLOCK.size + MEMBER + _TRAILER.size
"""Bytes that a member of `MEMBER` bytes takes in the stream."""


def stored_size(size: int) -> int:
    """Return the bytes that `size` bytes of payload take in a stream."""
    whole, rest = divmod(size, MEMBER)
    if whole and not rest:
        return whole * STORED_MEMBER
    blocks = max(1, -(-rest // _LARGEST_BLOCK))
    return whole * STORED_MEMBER + len(_HEADER) + blocks * _BLOCK.size + rest + _TRAILER.size


def member(payload: bytes) -> Iterator[bytes]:
    """Yield one gzip member that holds `payload`, uncompressed."""
    yield _HEADER
    last = max(0, (len(payload) - 1) // _LARGEST_BLOCK)
    for index in range(last + 1):
        block = payload[index * _LARGEST_BLOCK : (index + 1) * _LARGEST_BLOCK]
        yield _BLOCK.pack(index == last, len(block), len(block) ^ 0xFFFF)
        yield block
    yield _TRAILER.pack(zlib.crc32(payload), len(payload) & 0xFFFFFFFF)


def payload(stream: Iterable[bytes], *, size: int) -> Iterator[memoryview]:
    """Yield the payload of a row of members, which must be `size` bytes and all of `stream`.

    Raises:
        IntegrityError: the stream is not made of stored members, is cut short, or holds more or less.
    """
    reader, seen = _Reader(stream), 0
    while True:
        if reader.take(len(_HEADER)) != _HEADER:
            raise IntegrityError("is not made of stored gzip members")
        last = 0
        while not last:
            last, length, complement = _BLOCK.unpack(reader.take(_BLOCK.size))
            seen += length
            if last > 1 or length ^ complement != _LARGEST_BLOCK or seen > size:
                raise IntegrityError(f"is not {size} bytes of stored gzip members")
            yield from reader.pieces(length)
        reader.take(_TRAILER.size)
        if seen == size:
            break
    reader.require_end()


class _Reader:
    """Takes a stream of pieces apart at other places."""

    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = iter(stream)
        self._piece = memoryview(b"")

    def pieces(self, count: int) -> Iterator[memoryview]:
        """Yield the next `count` bytes, copying none."""
        while count:
            if not self._piece:
                self._piece = self._next()
            taken, self._piece = self._piece[:count], self._piece[count:]
            count -= len(taken)
            yield taken

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        return b"".join(self.pieces(count))

    def require_end(self) -> None:
        """Raise IntegrityError when there is more."""
        if self._piece or any(self._stream):
            raise IntegrityError("goes on after its end")

    def _next(self) -> memoryview:
        for piece in self._stream:
            if piece:
                return memoryview(piece)
        raise IntegrityError("is cut short")
