"""Tell whether a recording is whole, from the length that its header states.

FFmpeg reads a truncated file to its end without an error. It states a stream's duration from the header of some
formats, and an estimate from the file's size for others: MP3 without a Xing or VBRI header, ADTS, AC-3, MPEG-TS. Only
the former tell of truncation. The headers of RIFF, AIFF, Wave64 and CAF state sizes in bytes, which FFmpeg reduces to
what exists. Ogg states the length of each page.
"""

import os
import re
from collections.abc import Iterator
from typing import Final, Literal

import av

from diarize_runner.diarization.packets import PacketDecoder

_STATES_DURATION: Final = frozenset(
    {"aiff", "ape", "asf", "au", "flac", "flv", "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "rm", "tta", "wav", "wv"}
)
"""Formats in which FFmpeg reads the duration from the header."""
_DURATION_TOLERANCE: Final = 0.5
"""Seconds by which a duration may be wrong: encoders count their padding."""
_BYTE_ORDER: Final[dict[bytes, Literal["little", "big"]]] = {b"RIFF": "little", b"FORM": "big"}
"""WAV, AVI and AIFF start with one of these tags and the number of bytes that follow, of 32 bits."""
_UNKNOWN_SIZE: Final = 0x7FFF0000
"""Writers to a pipe do not know the size, and put this number or a larger one, or 0."""
_WAVE64_TAG: Final = bytes.fromhex("726966662e91cf11a5d628db04c10000")
"""Wave64 starts with this GUID and the size of the file, of 64 bits."""
_SIZE_TOLERANCE: Final = 1024
"""Bytes by which a size may be wrong."""
_XING: Final = re.compile(rb"(?:Xing|Info)\0\0\0[\1\3\5\7\x09\x0b\x0d\x0f](.{4})", re.DOTALL)
_VBRI: Final = re.compile(rb"VBRI.{10}(.{4})", re.DOTALL)
"""The headers of MP3 that may count its frames; the group is the number."""
_MAX_CHUNKS: Final = 100
"""Chunks of a CAF file to look at."""
_MAX_CHUNK: Final = 1 << 50
"""Bytes of a chunk; more is damage, and would exceed the kernel's offsets."""
_OGG_PAGE: Final = 65_307
"""Bytes of the largest page."""
_XING_REGION: Final = 4096
"""Bytes after the ID3 tag that hold the first frame of an MP3."""


def describe_losses(source: int, decoder: PacketDecoder, duration: float | None) -> Iterator[str]:
    """Yield clauses on what is missing from the file `source`, whose header states `duration` seconds, if any."""
    size, stated = os.fstat(source).st_size, stated_size(source)
    is_short = duration is not None and duration - decoder.seconds > _DURATION_TOLERANCE
    holds = f"it holds {decoder.seconds:.1f} s of the {duration or 0:.1f} s that its header states"
    if decoder.damaged_at is not None:
        lost = max(decoder.lost, (duration or 0.0) - decoder.seconds)
        yield f"damaged at {_place(decoder)}: {holds if is_short else f'{lost:.2f} s are lost'}"
    if stated and stated - size > _SIZE_TOLERANCE:
        yield f"truncated: it has {size:,} of {stated:,} bytes"
    elif is_short and decoder.damaged_at is None:
        yield f"truncated: {holds}"
    elif _ends_within_ogg_page(source, size):
        yield "truncated: its last page is incomplete"


def _place(decoder: PacketDecoder) -> str:
    first = f"{decoder.damaged_at:.2f} s"
    return first if decoder.errors == 1 else f"{decoder.errors} places, first at {first}"


def stated_duration(container: av.container.InputContainer, stream: av.AudioStream, source: int) -> float | None:
    """Return the duration in seconds that the header of the file `source` states for the stream, if any."""
    if not _header_states_duration(container.format.name, source):
        return None
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration and len(container.streams) == 1:  # else it may be the duration of another stream
        return (container.duration - max(0, container.start_time or 0)) / av.time_base
    return None


def stated_size(source: int) -> int | None:
    """Return the size in bytes that the header of the file `source` states for it, if any."""
    head = os.pread(source, 24, 0)
    if order := _BYTE_ORDER.get(head[:4]):
        following = int.from_bytes(head[4:8], order)
        return following + 8 if 0 < following < _UNKNOWN_SIZE else None
    if head.startswith(_WAVE64_TAG):
        return int.from_bytes(head[16:], "little")
    return _caf_size(source) if head.startswith(b"caff") else None


def _caf_size(source: int) -> int | None:
    """Return the end of the audio data, which a CAF file states in the header of a chunk."""
    place = 8
    for _ in range(_MAX_CHUNKS):
        head = os.pread(source, 12, place)  # a chunk's type and size
        size = int.from_bytes(head[4:], "big", signed=True)
        if size < 0 or size > _MAX_CHUNK or not head:  # -1: the chunk reaches to the end of the file
            return None
        place += len(head) + size
        if head.startswith(b"data"):
            return place
    return None


def _ends_within_ogg_page(source: int, size: int) -> bool:
    """Whether a file is Ogg and ends before its last page does: https://www.rfc-editor.org/rfc/rfc3533#section-6."""
    if os.pread(source, 4, 0) != b"OggS":
        return False
    end = os.pread(source, _OGG_PAGE, max(0, size - _OGG_PAGE))
    page = end[end.rfind(b"OggS") :]
    lengths = page[27 : 27 + page[26]] if len(page) > 26 else b""  # noqa: PLR2004  # a page's header
    return not lengths or len(page) < 27 + page[26] + sum(lengths)


def _header_states_duration(format_name: str, source: int) -> bool:
    if format_name == "aiff":
        return stated_size(source) is not None  # a writer to a pipe makes up the duration, too
    return format_name in _STATES_DURATION or (format_name == "mp3" and _has_frame_count(source))


def _has_frame_count(source: int) -> bool:
    """Whether an MP3 states its number of frames: https://github.com/FFmpeg/FFmpeg/blob/n8.0/libavformat/mp3dec.c."""
    tag = os.pread(source, 10, 0)
    place = 10 + sum(byte << 7 * (3 - index) for index, byte in enumerate(tag[6:])) if tag[:3] == b"ID3" else 0
    frame = os.pread(source, _XING_REGION, place)
    xing, vbri = _XING.search(frame), _VBRI.search(frame)
    return any(xing[1] if xing else vbri[1] if vbri else b"")
