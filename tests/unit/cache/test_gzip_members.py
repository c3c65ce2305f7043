"""Gzip tools read the members, and `read_members` refuses altered or truncated streams."""

import gzip
import subprocess
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.caches import noise

from diarize_runner.cache.documents.gzip_members import (
    MEMBER_SIZE,
    STORED_MEMBER_SIZE,
    encode_member,
    read_members,
    stored_size,
)
from diarize_runner.digests import hash_bytes
from diarize_runner.errors import IntegrityError

BLOCK = 0xFFFF
EDGES = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK + 7]
TEXT = b"a small payload, said twice: a small payload. "


def encode(data):
    return b"".join(encode_member(data))


def compress_fixed(data):
    """Compress `data` with fixed Huffman codes in a member with the header of a stored one."""
    deflate = zlib.compressobj(strategy=zlib.Z_FIXED, wbits=-15)
    return encode(data)[:10] + deflate.compress(data) + deflate.flush() + encode(data)[-8:]


def read(stream, size, chunk_size=1 << 20):
    chunks = [stream[start : start + chunk_size] for start in range(0, len(stream), chunk_size)]
    return b"".join(read_members(chunks, size=size))


@given(
    parts=st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=6),
    chunk_size=st.integers(1, 200),
)
def test_the_payload_is_read_back_from_chunks_of_any_size(parts, chunk_size):
    data = b"".join(parts)

    assert read(b"".join(map(encode, parts)), len(data), chunk_size) == data


@given(
    parts=st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=6),
    deflated=st.integers(0, 5),
    chunk_size=st.integers(1, 200),
)
def test_a_stream_with_a_compressed_member_is_refused(parts, deflated, chunk_size):
    members = [
        gzip.compress(part) if index == deflated % len(parts) else encode(part) for index, part in enumerate(parts)
    ]

    with pytest.raises(IntegrityError):
        read(b"".join(members), sum(map(len, parts)), chunk_size)


@pytest.mark.parametrize("size", EDGES)
def test_a_member_holds_any_size_of_payload(size):
    data = noise(size)

    assert read(encode(data), size) == data
    assert gzip.decompress(encode(data)) == data


def test_gnu_gzip_reads_several_members():
    parts = [noise(size) for size in EDGES]

    done = subprocess.run(["gzip", "-dc"], input=b"".join(map(encode, parts)), capture_output=True, check=True)

    assert done.stdout == b"".join(parts)


def test_a_member_adds_23_bytes_and_5_for_each_further_block():
    assert len(encode(b"")) == 23
    assert len(encode(bytes(BLOCK))) == BLOCK + 23
    assert len(encode(bytes(BLOCK + 1))) == BLOCK + 1 + 28
    assert len(encode(bytes(MEMBER_SIZE))) < MEMBER_SIZE * 1.0001


def test_the_header_contains_no_time_name_or_system():
    assert encode(TEXT)[:10] == bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255])


def test_the_payload_is_not_copied():
    stream = encode(TEXT)

    (chunk,) = read_members([stream], size=len(TEXT))

    assert isinstance(chunk, memoryview)
    assert chunk.obj is stream


@pytest.mark.parametrize("write", [encode, gzip.compress], ids=["stored", "deflated"])
def test_a_stream_truncated_at_any_byte_is_refused(write):
    stream = write(TEXT) + write(TEXT)

    for length in range(len(stream)):
        with pytest.raises(IntegrityError):
            read(stream[:length], 2 * len(TEXT))


def test_a_flipped_bit_is_refused_or_changes_the_hash_or_is_in_the_unused_trailer():
    stream = encode(TEXT)
    outcomes = []

    for place in range(8 * len(stream)):
        flipped = bytearray(stream)
        flipped[place // 8] ^= 1 << place % 8
        try:
            outcomes.append(hash_bytes(read(bytes(flipped), len(TEXT))) == hash_bytes(TEXT))
        except IntegrityError:
            outcomes.append("refused")

    framing, trailer = 8 * (10 + 5), 8 * 8
    assert outcomes == ["refused"] * framing + [False] * (8 * len(TEXT)) + [True] * trailer


@pytest.mark.parametrize(
    "write", [gzip.compress, zlib.compress, compress_fixed], ids=["deflated", "zlib", "fixed codes"]
)
def test_compressed_data_is_refused(write):
    with pytest.raises(IntegrityError):
        read(write(TEXT), len(TEXT))


TRAILING = {
    "a zero": b"\0",
    "zeros": bytes(512),
    "text": b"garbage",
    "a truncated magic number": b"\x1f",
    "a truncated member": encode(b"x")[:12],
    "a further member": encode(b"x"),
    "a further deflated member": gzip.compress(b"x"),
}


@pytest.mark.parametrize("garbage", TRAILING.values(), ids=list(TRAILING))
@pytest.mark.parametrize("chunk_size", [1, 1 << 20])
def test_data_after_the_payload_is_refused(garbage, chunk_size):
    with pytest.raises(IntegrityError):
        read(encode(TEXT) + garbage, len(TEXT), chunk_size)


def test_a_decompression_bomb_stops_at_the_expected_size():
    bomb = encode(bytes(64 << 20))
    lengths = []

    with pytest.raises(IntegrityError, match=r"^is not 1000000 bytes of stored gzip members$"):
        lengths.extend(map(len, read_members([bomb], size=1_000_000)))

    assert sum(lengths) <= 1_000_000


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (len(TEXT) - 1, f"^is not {len(TEXT) - 1} bytes of stored gzip members$"),
        (len(TEXT) + 1, "^is cut short$"),
        (0, "^is not 0 bytes of stored gzip members$"),
    ],
)
def test_a_payload_of_another_size_is_refused(size, message):
    with pytest.raises(IntegrityError, match=message):
        read(encode(TEXT), size)


@pytest.mark.parametrize("stream", [b"", b"\0", b"PK\x03\x04", bytes(1000)], ids=["empty", "zero", "zip", "zeros"])
def test_a_stream_that_is_not_gzip_is_refused_for_any_size(stream):
    for size in (0, len(TEXT)):
        with pytest.raises(IntegrityError):
            read(stream, size)


def test_chunks_of_the_payload_have_at_most_one_mebibyte():
    data = noise(3 << 20)

    chunks = list(read_members([encode(data), encode(data)], size=6 << 20))

    assert b"".join(chunks) == data + data
    assert max(map(len, chunks)) <= 1 << 20


@pytest.mark.parametrize(
    "size",
    [
        0,
        1,
        65534,
        65535,
        65536,
        MEMBER_SIZE - 1,
        MEMBER_SIZE,
        MEMBER_SIZE + 1,
        2 * MEMBER_SIZE,
        2 * MEMBER_SIZE + 65535,
    ],
)
def test_stored_size_returns_the_size_of_the_written_stream(size):
    written = [encode_member(part) for part in split_into_members(bytes(size))]

    assert stored_size(size) == sum(len(chunk) for member in written for chunk in member)


def split_into_members(data):
    return [data[begin : begin + MEMBER_SIZE] for begin in range(0, max(1, len(data)), MEMBER_SIZE)]


def test_a_full_member_has_the_size_in_the_specification():
    assert len(encode(bytes(MEMBER_SIZE))) == STORED_MEMBER_SIZE == 8_389_271
