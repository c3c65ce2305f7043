"""Gzip streams made of independent, stored members (RFC 1951 section 3.2.4, RFC 1952).

zlib builds split stored blocks differently, and the archive must have the same bytes everywhere, so this module writes
them itself. It also reads them: inflating takes half the time of a restore, and stored data cannot be a
decompression bomb. Readers verify the blob's SHA-256; the CRC-32 serves `gzip -t`.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator

from diarize_runner.errors import IntegrityError

MEMBER_SIZE = 8 << 20
"""Maximum payload of a member, in bytes."""

_HEADER = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255])
"""Deflate, no flags, no time, unknown operating system."""
_BLOCK = struct.Struct("<BHH")
"""Last block (bit 0) and stored (bits 1 and 2 clear), length, its complement."""
_TRAILER = struct.Struct("<II")
"""CRC-32 and length."""
_MAX_BLOCK_SIZE = 0xFFFF

STORED_MEMBER_SIZE = len(_HEADER) + -(-MEMBER_SIZE // _MAX_BLOCK_SIZE) * _BLOCK.size + MEMBER_SIZE + _TRAILER.size
"""Size in the stream of a member with a payload of MEMBER_SIZE, in bytes."""


def stored_size(size: int) -> int:
    """Return the size in the stream of `size` bytes of payload."""
    whole, rest = divmod(size, MEMBER_SIZE)
    if whole and not rest:
        return whole * STORED_MEMBER_SIZE
    blocks = max(1, -(-rest // _MAX_BLOCK_SIZE))
    return whole * STORED_MEMBER_SIZE + len(_HEADER) + blocks * _BLOCK.size + rest + _TRAILER.size


def encode_member(payload: bytes) -> Iterator[bytes]:
    """Yield one gzip member that stores `payload` uncompressed."""
    yield _HEADER
    last = max(0, (len(payload) - 1) // _MAX_BLOCK_SIZE)
    for index in range(last + 1):
        block = payload[index * _MAX_BLOCK_SIZE : (index + 1) * _MAX_BLOCK_SIZE]
        yield _BLOCK.pack(index == last, len(block), len(block) ^ 0xFFFF)
        yield block
    yield _TRAILER.pack(zlib.crc32(payload), len(payload) & 0xFFFFFFFF)


def read_members(stream: Iterable[bytes], *, size: int) -> Iterator[memoryview]:
    """Yield the payload of a sequence of members: `size` bytes, which take up all of `stream`.

    Raises:
        IntegrityError: the stream is truncated, has another size, or is not made of stored members.
    """
    reader, seen = _Reader(stream), 0
    while True:
        if reader.read(len(_HEADER)) != _HEADER:
            raise IntegrityError("is not made of stored gzip members")
        last = 0
        while not last:
            last, length, complement = _BLOCK.unpack(reader.read(_BLOCK.size))
            seen += length
            if last > 1 or length ^ complement != _MAX_BLOCK_SIZE or seen > size:
                raise IntegrityError(f"is not {size} bytes of stored gzip members")
            yield from reader.read_chunks(length)
        reader.read(_TRAILER.size)
        if seen == size:
            break
    reader.require_end()


class _Reader:
    """Reads an exact number of bytes from a stream of chunks."""

    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = iter(stream)
        self._chunk = memoryview(b"")

    def read_chunks(self, count: int) -> Iterator[memoryview]:
        """Yield the next `count` bytes without copying them."""
        while count:
            if not self._chunk:
                self._chunk = self._next_chunk()
            chunk, self._chunk = self._chunk[:count], self._chunk[count:]
            count -= len(chunk)
            yield chunk

    def read(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        return b"".join(self.read_chunks(count))

    def require_end(self) -> None:
        """Raise IntegrityError unless the stream is exhausted."""
        if self._chunk or any(self._stream):
            raise IntegrityError("has data after its end")

    def _next_chunk(self) -> memoryview:
        for chunk in self._stream:
            if chunk:
                return memoryview(chunk)
        raise IntegrityError("is cut short")
