"""Rows of gzip members: any gzip reads them, and what was altered or cut short is never taken for the payload."""

import gzip
import subprocess
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.caches import noise

from diarize_runner.cache.documents.gzip_members import MEMBER, STORED_MEMBER, member, payload, stored_size
from diarize_runner.digests import content_of
from diarize_runner.errors import IntegrityError

BLOCK = 0xFFFF
EDGES = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK + 7]
TEXT = b"a small payload, said twice: a small payload. "


def stored(data):
    return b"".join(member(data))


def fixed(data):
    """Compress `data` in a member whose header is that of a stored one."""
    deflate = zlib.compressobj(strategy=zlib.Z_FIXED, wbits=-15)
    return stored(data)[:10] + deflate.compress(data) + deflate.flush() + stored(data)[-8:]


def read(stream, size, pieces_of=1 << 20):
    pieces = [stream[start : start + pieces_of] for start in range(0, len(stream), pieces_of)]
    return b"".join(payload(pieces, size=size))


@given(
    parts=st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=6),
    pieces_of=st.integers(1, 200),
)
def test_what_was_written_is_read_however_it_is_cut(parts, pieces_of):
    data = b"".join(parts)

    assert read(b"".join(map(stored, parts)), len(data), pieces_of) == data


@given(
    parts=st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=6),
    deflated=st.integers(0, 5),
    pieces_of=st.integers(1, 200),
)
def test_a_row_with_a_compressed_member_is_refused(parts, deflated, pieces_of):
    members = [
        gzip.compress(part) if index == deflated % len(parts) else stored(part) for index, part in enumerate(parts)
    ]

    with pytest.raises(IntegrityError):
        read(b"".join(members), sum(map(len, parts)), pieces_of)


@pytest.mark.parametrize("size", EDGES)
def test_a_member_holds_any_size_of_payload(size):
    data = noise(size)

    assert read(stored(data), size) == data
    assert gzip.decompress(stored(data)) == data


def test_gnu_gzip_reads_a_row_of_members():
    parts = [noise(size) for size in EDGES]

    done = subprocess.run(["gzip", "-dc"], input=b"".join(map(stored, parts)), capture_output=True, check=True)

    assert done.stdout == b"".join(parts)


def test_a_member_costs_23_bytes_and_5_for_each_further_block():
    assert len(stored(b"")) == 23
    assert len(stored(bytes(BLOCK))) == BLOCK + 23
    assert len(stored(bytes(BLOCK + 1))) == BLOCK + 1 + 28
    assert len(stored(bytes(MEMBER))) < MEMBER * 1.0001


def test_a_member_names_no_time_file_or_machine():
    assert stored(TEXT)[:10] == bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255])


def test_the_payload_is_handed_out_without_a_copy():
    stream = stored(TEXT)

    (piece,) = payload([stream], size=len(TEXT))

    assert isinstance(piece, memoryview)
    assert piece.obj is stream


@pytest.mark.parametrize("write", [stored, gzip.compress], ids=["stored", "deflated"])
def test_a_stream_that_ends_early_is_refused_at_every_byte(write):
    stream = write(TEXT) + write(TEXT)

    for length in range(len(stream)):
        with pytest.raises(IntegrityError):
            read(stream[:length], 2 * len(TEXT))


def test_a_flipped_bit_is_refused_or_seen_by_the_hash_or_harms_nothing():
    stream = stored(TEXT)
    outcomes = []

    for place in range(8 * len(stream)):
        flipped = bytearray(stream)
        flipped[place // 8] ^= 1 << place % 8
        try:
            outcomes.append(content_of(read(bytes(flipped), len(TEXT))) == content_of(TEXT))
        except IntegrityError:
            outcomes.append("refused")

    framing, trailer = 8 * (10 + 5), 8 * 8
    assert outcomes == ["refused"] * framing + [False] * (8 * len(TEXT)) + [True] * trailer


@pytest.mark.parametrize("write", [gzip.compress, zlib.compress, fixed], ids=["deflated", "zlib", "fixed codes"])
def test_compressed_data_is_refused(write):
    with pytest.raises(IntegrityError):
        read(write(TEXT), len(TEXT))


TRAILING = {
    "a zero": b"\0",
    "zeros": bytes(512),
    "text": b"garbage",
    "half a magic number": b"\x1f",
    "the beginning of a member": stored(b"x")[:12],
    "a further member": stored(b"x"),
    "a further deflated member": gzip.compress(b"x"),
}


@pytest.mark.parametrize("garbage", TRAILING.values(), ids=list(TRAILING))
@pytest.mark.parametrize("pieces_of", [1, 1 << 20])
def test_what_follows_the_payload_is_refused(garbage, pieces_of):
    with pytest.raises(IntegrityError):
        read(stored(TEXT) + garbage, len(TEXT), pieces_of)


def test_a_bomb_is_stopped_at_the_size_the_manifest_names():
    bomb = stored(bytes(64 << 20))
    came = []

    with pytest.raises(IntegrityError, match=r"^is not 1000000 bytes of stored gzip members$"):
        came.extend(map(len, payload([bomb], size=1_000_000)))

    assert sum(came) <= 1_000_000


@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        (len(TEXT) - 1, f"^is not {len(TEXT) - 1} bytes of stored gzip members$"),
        (len(TEXT) + 1, "^is cut short$"),
        (0, "^is not 0 bytes of stored gzip members$"),
    ],
)
def test_a_payload_of_another_size_is_refused(size, sentence):
    with pytest.raises(IntegrityError, match=sentence):
        read(stored(TEXT), size)


@pytest.mark.parametrize("stream", [b"", b"\0", b"PK\x03\x04", bytes(1000)], ids=["nothing", "zero", "zip", "zeros"])
def test_what_is_no_gzip_is_refused_even_where_nothing_was_expected(stream):
    for size in (0, len(TEXT)):
        with pytest.raises(IntegrityError):
            read(stream, size)


def test_a_long_payload_comes_in_pieces_of_a_mebibyte_at_the_most():
    data = noise(3 << 20)

    pieces = list(payload([stored(data), stored(data)], size=6 << 20))

    assert b"".join(pieces) == data + data
    assert max(map(len, pieces)) <= 1 << 20


@pytest.mark.parametrize(
    "size", [0, 1, 65534, 65535, 65536, MEMBER - 1, MEMBER, MEMBER + 1, 2 * MEMBER, 2 * MEMBER + 65535]
)
def test_the_size_of_a_stream_is_known_by_that_of_its_payload(size):
    written = [member(part) for part in cut_into_members(bytes(size))]

    assert stored_size(size) == sum(len(piece) for parts in written for piece in parts)


def cut_into_members(data):
    return [data[begin : begin + MEMBER] for begin in range(0, max(1, len(data)), MEMBER)]


def test_a_whole_member_takes_the_bytes_that_the_specification_says():
    assert len(stored(bytes(MEMBER))) == STORED_MEMBER == 8_389_271
