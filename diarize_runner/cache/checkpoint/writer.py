"""Write a checkpoint that `torch.load` reads, the same bytes everywhere.

`torch.save` ties the bytes to a torch version. This writes the zip format of torch 1.6 and newer with a pickle
(protocol 2) that names only what its caller passes: `Global`, `Instance`, and torch's tensor rebuilder.
"""

import io
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import ClassVar

from diarize_runner.cache.checkpoint.tensor import ELEMENT_BYTES, Tensor
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

    def emit(self, value: object) -> None:
        """Emit a value by its exact type: a subclass may mean something else, as a named tuple does."""
        emitter = self.EMITTERS.get(type(value))
        if emitter is None:
            raise UnsafeCheckpoint(f"a checkpoint cannot hold a {type(value).__name__}")
        emitter(self, value)

    def _none(self, _value: None) -> None:
        self.out.write(pickle.NONE)

    def _bool(self, value: bool) -> None:  # noqa: FBT001  # dispatched on, never passed as a switch
        self.out.write(pickle.NEWTRUE if value else pickle.NEWFALSE)

    def _int(self, value: int) -> None:
        size = value.bit_length() // 8 + 1
        if size <= _SMALL_INT:
            self.out.write(pickle.BININT + struct.pack("<i", value))
        elif size <= _LARGEST_INT:
            self.out.write(pickle.LONG1 + bytes([size]) + value.to_bytes(size, "little", signed=True))
        else:
            raise UnsafeCheckpoint(f"a checkpoint cannot hold a number of {size} bytes")

    def _float(self, value: float) -> None:
        self.out.write(pickle.BINFLOAT + struct.pack(">d", value))

    def _str(self, value: str) -> None:
        data = value.encode(errors="surrogatepass")
        self.out.write(pickle.BINUNICODE + struct.pack("<I", len(data)) + data)

    def _tuple(self, value: tuple[object, ...]) -> None:
        self._emit_all(pickle.MARK, value, pickle.TUPLE)

    def _list(self, value: list[object]) -> None:
        self._emit_all(pickle.EMPTY_LIST + pickle.MARK, value, pickle.APPENDS)

    def _dict(self, value: dict[object, object]) -> None:
        pairs = (part for pair in value.items() for part in pair)
        self._emit_all(pickle.EMPTY_DICT + pickle.MARK, pairs, pickle.SETITEMS)

    def _global(self, value: Global) -> None:
        self.out.write(pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode())

    def _call(self, value: Call) -> None:
        self.emit(value.function)
        self.emit(value.args)
        self.out.write(pickle.REDUCE)

    def _instance(self, value: Instance) -> None:
        self.emit(value.of)
        self.out.write(pickle.EMPTY_TUPLE + pickle.NEWOBJ)
        self.emit(value.attributes)
        self.out.write(pickle.BUILD)

    def _tensor(self, value: Tensor) -> None:
        self.emit(Global(module="torch._utils", name="_rebuild_tensor_v2"))
        self.out.write(pickle.MARK)
        elements = len(value.data) // ELEMENT_BYTES[value.storage]
        self.emit(("storage", Global(module="torch", name=value.storage), str(len(self.storages)), "cpu", elements))
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

    EMITTERS: ClassVar[dict[type, Callable[..., None]]] = {
        type(None): _none,
        bool: _bool,
        int: _int,
        float: _float,
        str: _str,
        tuple: _tuple,
        list: _list,
        dict: _dict,
        Global: _global,
        Call: _call,
        Instance: _instance,
        Tensor: _tensor,
    }


_ORDERED_DICT = Global(module="collections", name="OrderedDict")


def _stride(shape: tuple[int, ...]) -> tuple[int, ...]:
    stride = [1]
    for extent in reversed(shape[1:]):
        stride.insert(0, stride[0] * extent)
    return tuple(stride[: len(shape)])


WRITTEN_OPCODES = frozenset(
    {
        *("PROTO", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "LONG1", "BINFLOAT", "BINUNICODE"),
        *("EMPTY_LIST", "APPENDS", "EMPTY_DICT", "SETITEMS", "EMPTY_TUPLE", "TUPLE"),
        *("GLOBAL", "REDUCE", "NEWOBJ", "BUILD", "BINPERSID"),
    }
)
"""What a pickle of ours is made of, as `pickletools` calls it: no memo, so no value stands in two places."""
