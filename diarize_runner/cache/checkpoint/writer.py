"""Write a checkpoint that `torch.load` reads, with reproducible bytes.

The bytes of `torch.save` depend on the torch version. This module writes the zip format of torch 1.6 and newer, with a
pickle (protocol 2) that names only torch's tensor rebuilder and the caller's `Global` and `Instance` values.
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
"""Maximum sizes in bytes of the integers that BININT and LONG1 hold."""
_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Global:
    """A name that the reader will import."""

    module: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """The result of calling `function` on load."""

    function: Global
    args: tuple[object, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """An object made without calling its class's `__init__`."""

    class_: Global
    attributes: dict[str, object]


def write_checkpoint(checkpoint: dict[str, object]) -> bytes:
    """Return the bytes of a checkpoint.

    Its values are dicts, lists, tuples, strings, numbers, None, `Tensor`, `Global`, `Call` and `Instance`.

    Raises:
        UnsafeCheckpoint: a value has another type, or values are nested too deeply.
    """
    pickled, target = _PickleWriter(), io.BytesIO()
    try:
        pickled.emit(checkpoint)
    except RecursionError as reason:
        raise UnsafeCheckpoint("the checkpoint's values are nested too deeply") from reason
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, data in _records(pickled):
            archive.writestr(zipfile.ZipInfo(f"archive/{name}", _TIME), data)
    return target.getvalue()


def _records(pickled: "_PickleWriter") -> Iterable[tuple[str, bytes]]:
    yield "data.pkl", pickled.to_bytes()
    yield "byteorder", b"little"
    for key, data in enumerate(pickled.storages):
        yield f"data/{key}", data
    yield "version", b"3\n"


@dataclass(kw_only=True, slots=True)
class _PickleWriter:
    """Emits opcodes itself, because `pickle` imports every name that it writes."""

    out: io.BytesIO = field(default_factory=io.BytesIO)
    storages: list[bytes] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        return pickle.PROTO + b"\x02" + self.out.getvalue() + pickle.STOP

    def emit(self, value: object) -> None:
        """Emit a value by its exact type, since a subclass, such as a named tuple, may carry more."""
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
        self.emit(value.class_)
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
"""Every opcode that this module writes, as named by `pickletools`. None is a memo, so no value is shared."""
