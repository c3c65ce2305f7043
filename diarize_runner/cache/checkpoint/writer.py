"""Write a checkpoint that `torch.load` reads, the same bytes everywhere.

`torch.save` ties the bytes to a torch version. This writes the zip format of torch 1.6 and newer with a pickle
(protocol 2) that names only what its caller passes: `Global`, `Instance`, and torch's tensor rebuilder.
"""

import io
import pickle
import struct
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import singledispatchmethod

from diarize_runner.cache.checkpoint.reader import FLOAT_BYTES, Tensor
from diarize_runner.errors import UnsafeCheckpoint

_SMALL_INT, _LARGEST_INT = 4, 255
"""Bytes that the opcodes for whole numbers hold."""
_TIME = (1980, 1, 1, 0, 0, 0)
"""The first that a zip can hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Global:
    """A name that the reader will import."""

    module: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """An object that the reader makes by calling `function`."""

    function: Global
    args: tuple[object, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """An object of a class, made without calling it, with these attributes."""

    of: Global
    attributes: dict[str, object]


def write_checkpoint(checkpoint: dict[str, object]) -> bytes:
    """Return the bytes of a checkpoint. Values are dicts, lists, tuples, text, numbers, None and the above.

    Raises:
        UnsafeCheckpoint: there is anything else among them.
    """
    pickled, target = _Pickle(), io.BytesIO()
    try:
        pickled.emit(checkpoint)
    except RecursionError as reason:
        raise UnsafeCheckpoint("a checkpoint cannot hold values nested that deep") from reason
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, data in _records(pickled):
            archive.writestr(zipfile.ZipInfo(f"archive/{name}", _TIME), data)
    return target.getvalue()


def _records(pickled: "_Pickle") -> Iterable[tuple[str, bytes]]:
    yield "data.pkl", pickled.finished()
    yield "byteorder", b"little"
    for key, data in enumerate(pickled.storages):
        yield f"data/{key}", data
    yield "version", b"3\n"


@dataclass(kw_only=True, slots=True)
class _Pickle:
    """Emits opcodes by hand, because `pickle` writes a name only after importing it."""

    out: io.BytesIO = field(default_factory=io.BytesIO)
    storages: list[bytes] = field(default_factory=list)

    def finished(self) -> bytes:
        return pickle.PROTO + b"\x02" + self.out.getvalue() + pickle.STOP

    @singledispatchmethod
    def emit(self, value: object) -> None:
        raise UnsafeCheckpoint(f"a checkpoint cannot hold a {type(value).__name__}")

    @emit.register
    def _(self, _value: None) -> None:
        self.out.write(pickle.NONE)

    @emit.register
    def _(self, value: bool) -> None:  # noqa: FBT001  # dispatched on, never passed as a switch
        self.out.write(pickle.NEWTRUE if value else pickle.NEWFALSE)

    @emit.register
    def _(self, value: int) -> None:
        size = value.bit_length() // 8 + 1
        if size <= _SMALL_INT:
            self.out.write(pickle.BININT + struct.pack("<i", value))
        elif size <= _LARGEST_INT:
            self.out.write(pickle.LONG1 + bytes([size]) + value.to_bytes(size, "little", signed=True))
        else:
            raise UnsafeCheckpoint(f"a checkpoint cannot hold a number of {size} bytes")

    @emit.register
    def _(self, value: float) -> None:
        self.out.write(pickle.BINFLOAT + struct.pack(">d", value))

    @emit.register
    def _(self, value: str) -> None:
        data = value.encode(errors="surrogatepass")
        self.out.write(pickle.BINUNICODE + struct.pack("<I", len(data)) + data)

    @emit.register
    def _(self, value: tuple) -> None:  # type: ignore[type-arg]  # singledispatch takes plain classes
        self._emit_all(pickle.MARK, value, pickle.TUPLE)

    @emit.register
    def _(self, value: list) -> None:  # type: ignore[type-arg]
        self._emit_all(pickle.EMPTY_LIST + pickle.MARK, value, pickle.APPENDS)

    @emit.register
    def _(self, value: dict) -> None:  # type: ignore[type-arg]
        pairs = (part for pair in value.items() for part in pair)
        self._emit_all(pickle.EMPTY_DICT + pickle.MARK, pairs, pickle.SETITEMS)

    @emit.register
    def _(self, value: Global) -> None:
        self.out.write(pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode())

    @emit.register
    def _(self, value: Call) -> None:
        self.emit(value.function)
        self.emit(value.args)
        self.out.write(pickle.REDUCE)

    @emit.register
    def _(self, value: Instance) -> None:
        self.emit(value.of)
        self.out.write(pickle.EMPTY_TUPLE + pickle.NEWOBJ)
        self.emit(value.attributes)
        self.out.write(pickle.BUILD)

    @emit.register
    def _(self, value: Tensor) -> None:
        self.emit(Global(module="torch._utils", name="_rebuild_tensor_v2"))
        self.out.write(pickle.MARK)
        elements = len(value.data) // FLOAT_BYTES
        self.emit(("storage", Global(module="torch", name="FloatStorage"), str(len(self.storages)), "cpu", elements))
        self.out.write(pickle.BINPERSID)
        self.storages.append(value.data)
        stride = _stride(value.shape)
        for part in (0, value.shape, stride, False, Call(function=_ORDERED_DICT, args=())):
            self.emit(part)
        self.out.write(pickle.TUPLE + pickle.REDUCE)

    def _emit_all(self, opening: bytes, values: Iterable[object], closing: bytes) -> None:
        self.out.write(opening)
        for value in values:
            self.emit(value)
        self.out.write(closing)


_ORDERED_DICT = Global(module="collections", name="OrderedDict")


def _stride(shape: tuple[int, ...]) -> tuple[int, ...]:
    stride = [1]
    for extent in reversed(shape[1:]):
        stride.insert(0, stride[0] * extent)
    return tuple(stride[: len(shape)])
