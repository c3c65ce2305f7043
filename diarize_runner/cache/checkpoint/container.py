"""The pickles that torch.load would read of a file, out of containers that cannot be read in two ways.

torch takes what begins with a zip member for a zip, and finds its parts with a reader of its own, which compares names
without case and believes offsets that Python's `zipfile` works out anew. It takes any other file for a tar if it can,
and else for a row of pickles. So one file can show one pickle to a checker and another to torch: all that two readers
might read differently is refused here.
https://github.com/pytorch/pytorch/blob/v2.11.0/torch/serialization.py (`load`, `_legacy_load`)
https://github.com/pytorch/pytorch/blob/v2.11.0/caffe2/serialize/inline_container.cc (`init`, `getRecordID`)
"""

import io
import os
import re
import struct
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from diarize_runner.cache.checkpoint.reader import ZIP_MAGIC
from diarize_runner.errors import UnsafeCheckpoint

# https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT 4.3.7, 4.3.12, 4.3.14 to 4.3.16
_LOCAL = struct.Struct("<4s5H3L2H")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_REST_OF_END_64 = _END_64.size - 12
_ENCRYPTED = 1
_NAME = re.compile(rb"[ -\[\]-~]+/[ -\[\]-~]+")
"""A path of printable ASCII without backslashes, in a folder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Member:
    name: bytes
    offset: int
    """Of its local header."""
    size: int
    is_plain: bool
    """Neither compressed nor encrypted."""


def pickles(path: Path) -> Iterator[io.BytesIO]:
    """Yield every pickle that loading the file might read.

    Raises:
        UnsafeCheckpoint: the file is no checkpoint, or one that two readers might read differently.
    """
    with path.open("rb") as file:
        if file.read(len(ZIP_MAGIC)) == ZIP_MAGIC:
            yield from _zipped(file)
        elif _is_tar(file):
            raise UnsafeCheckpoint("it is a tar file, as the very first releases of torch wrote")
        else:
            file.seek(0)
            yield io.BytesIO(file.read())


def _is_tar(file: BinaryIO) -> bool:
    file.seek(0)
    try:
        tarfile.open(fileobj=file, mode="r:", format=tarfile.PAX_FORMAT).close()
    except tarfile.TarError:
        return False
    return True


def _zipped(file: BinaryIO) -> Iterator[io.BytesIO]:
    members = list(_members(file))
    names = {member.name.lower() for member in members}
    if len(names) != len(members):
        raise UnsafeCheckpoint("its zip has two members of one name")
    if any(name.endswith(b"/constants.pkl") for name in names):
        raise UnsafeCheckpoint("it is a TorchScript program")
    pickled = [member for member in members if member.name.lower().endswith(b".pkl")]
    if not any(member.name.endswith(b"/data.pkl") for member in pickled):
        raise UnsafeCheckpoint("its zip has no data.pkl")
    for member in pickled:
        yield io.BytesIO(_content(file, member))


def _members(file: BinaryIO) -> Iterator[_Member]:
    directory, count = _directory(file)
    at = 0
    for _ in range(count):
        entry = _unpacked(_ENTRY, directory, at)
        (signature, _, _, flags, method, _, _, _, packed, size, *lengths, _, _, _, offset) = entry
        name = directory[at + _ENTRY.size :][: lengths[0]]
        if signature != b"PK\x01\x02" or not _NAME.fullmatch(name):
            raise UnsafeCheckpoint("its zip's directory is damaged, or names a part as torch never does")
        is_plain = method == 0 and not flags & _ENCRYPTED and packed == size
        yield _Member(name=name, offset=offset, size=size, is_plain=is_plain)
        at += _ENTRY.size + sum(lengths)
    if at != len(directory):
        raise UnsafeCheckpoint("its zip's directory is longer than its entries")


def _directory(file: BinaryIO) -> tuple[bytes, int]:
    """Return the zip's directory and how many entries it has; it must lie where all of the zip's records say."""
    end_at = file.seek(0, os.SEEK_END) - _END.size
    signature, *_, count, size, offset, comment = _read(file, _END, end_at)
    if signature != b"PK\x05\x06" or comment:
        raise UnsafeCheckpoint("its zip does not end where the file does")
    directory_end = end_at
    if _read(file, _LOCATOR, end_at - _LOCATOR.size)[0] == b"PK\x06\x07":
        directory_end = end_at - _LOCATOR.size - _END_64.size
        _, _, located, _ = _read(file, _LOCATOR, end_at - _LOCATOR.size)
        signature, rest, *_, count, size, offset = _read(file, _END_64, directory_end)
        if (signature, rest, located) != (b"PK\x06\x06", _REST_OF_END_64, directory_end):
            raise UnsafeCheckpoint("its zip has two directories")
    if offset + size != directory_end:
        raise UnsafeCheckpoint("its zip has two directories")
    file.seek(offset)
    return file.read(size), count


def _content(file: BinaryIO, member: _Member) -> bytes:
    signature, *_, name_length, extra_length = _read(file, _LOCAL, member.offset)
    file.seek(member.offset + _LOCAL.size)
    name = file.read(name_length)
    file.seek(extra_length, os.SEEK_CUR)
    data = file.read(member.size)
    if (signature, name, len(data)) != (ZIP_MAGIC, member.name, member.size) or not member.is_plain:
        raise UnsafeCheckpoint(f"its zip's {member.name.decode()} is not stored as torch stores it")
    return data


def _read(file: BinaryIO, record: struct.Struct, at: int) -> tuple[Any, ...]:
    if at < 0:
        raise UnsafeCheckpoint("its zip is cut short")
    file.seek(at)
    return _unpacked(record, file.read(record.size), 0)


def _unpacked(record: struct.Struct, data: bytes, at: int) -> tuple[Any, ...]:
    try:
        return record.unpack_from(data, at)
    except struct.error:
        raise UnsafeCheckpoint("its zip is cut short") from None
