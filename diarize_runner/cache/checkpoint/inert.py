"""An unpickler that executes nothing: names on an allow-list become inert records, any other name stops it."""

import pickle
import pickletools
import struct
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO
from zipfile import BadZipFile

from diarize_runner.errors import UnsafeCheckpoint

_MOST_MEMOS = 1 << 20
_FAULTS = (
    AttributeError,
    BadZipFile,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
    struct.error,
    zlib.error,
)
"""What `pickle` and `zipfile` raise at bytes that are no checkpoint, or not all of one."""


class Ordered(dict[object, object]):
    """An OrderedDict that takes no attributes: one named `items` would stand in for the method."""

    def __setstate__(self, state: object) -> None:
        """Drop the attributes; torch keeps a `_metadata` there."""


class Defaulting(Ordered):
    """A defaultdict that makes nothing of a key it does not have."""

    def __init__(self, _factory: object = None, *args: Iterable[tuple[object, object]]) -> None:
        super().__init__(*args)


HARMLESS: dict[str, type] = {
    "collections.OrderedDict": Ordered,
    "collections.defaultdict": Defaulting,
    "torch.Size": tuple,
    "__builtin__.long": int,
    **{f"{module}.{made.__name__}": made for module in ("__builtin__", "builtins") for made in (dict, int, list, set)},
}
"""Names that hold data and do nothing when they are called: each is read as what it means."""

_REBUILD_TENSOR, _REBUILD_PARAMETER = "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter"


class Record:
    """What stands in for an object of a class that is never imported."""

    full_name = ""
    """The name of the class, such as `pyannote.audio.core.task.Problem`."""
    args: tuple[object, ...] = ()
    state: object = None

    def __init__(self, *args: object) -> None:
        self.args = args

    def __setstate__(self, state: object) -> None:
        self.state = state

    def __setitem__(self, key: object, value: object) -> None:
        """Take the items of a dict subclass, and drop them: nobody reads any."""

    def __call__(self, *_: object) -> "Record":
        """Stand for whatever the call would have made."""
        return self

    def append(self, item: object) -> None:
        """Take an item of a list subclass, and drop it."""

    def extend(self, items: object) -> None:
        """Take the items of a list subclass, and drop them."""

    def add(self, item: object) -> None:
        """Take an item of a set subclass, and drop it."""


class Name(str):
    """The name of a storage class, kept as text."""

    __slots__ = ()


class InertUnpickler(pickle.Unpickler):
    """Unpickles data; classes on the allow-list become `Record`s, storages become what `storage` makes of them."""

    def __init__(
        self,
        file: BinaryIO,
        *,
        allowed: Collection[str],
        rebuild: Callable[..., object],
        storage: Callable[..., object],
    ) -> None:
        super().__init__(file, encoding="utf-8")
        self.file = file
        self._allowed, self._rebuild, self._storage = allowed, rebuild, storage
        self.names = set[str]()
        """Every name that was met."""

    def load_inert(self) -> object:
        """Unpickle one object; raise UnsafeCheckpoint when there is no whole pickle, or it names anything else."""
        with pickle_errors():
            require_few_memos(self.file)
            return self.load()

    def find_class(self, module: str, name: str) -> object:
        """Return the stand-in for `module.name`; raise UnsafeCheckpoint when it is not allowed."""
        full = f"{module}.{name}"
        self.names.add(full)
        if full in HARMLESS:
            return HARMLESS[full]
        if full == _REBUILD_TENSOR:
            return lambda *args: self._rebuild(*args)  # noqa: PLW0108  # a pickle may set attributes on what it gets here
        if full == _REBUILD_PARAMETER:
            return lambda tensor, *_: tensor
        if module == "torch" and name.endswith("Storage"):
            return Name(name)
        if full in self._allowed:
            return type(name, (Record,), {"full_name": full})
        raise UnsafeCheckpoint(
            f"the checkpoint's pickle names {full}, which is not on the allow-list",
            hint="do not load it; if you trust its source, allow the name in the request: pickle_names: [...]",
        )

    def persistent_load(self, pid: object) -> object:
        """Return what `storage` makes of a storage's reference.

        Any other reference is refused. torch's own loader hands back the object inside a `("module", object, ...)`,
        which lets a pickle set attributes on whatever its names import (torch/serialization.py, `_legacy_load`).
        """
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":  # noqa: PLR2004  # torch's own tuple
            raise UnsafeCheckpoint("the checkpoint refers to something that is no storage")
        if any(part is not None for part in pid[5:]):
            raise UnsafeCheckpoint("a storage is a window on another, as torch saved it before version 0.4")
        return self._storage(*pid[1:5])


def require_few_memos(file: BinaryIO) -> None:
    """Refuse a pickle that numbers its memos too high: a table as long is filled, so ten bytes could take 64 GB."""
    start = file.tell()
    for opcode, argument, _ in pickletools.genops(file):
        if opcode.name in ("PUT", "LONG_BINPUT") and isinstance(argument, int) and argument > _MOST_MEMOS:
            raise UnsafeCheckpoint(f"the checkpoint's pickle numbers its memos up to {argument}")
    file.seek(start)


@contextmanager
def pickle_errors() -> Iterator[None]:
    """Turn whatever an unpickler or a zip reader raises on bad bytes into UnsafeCheckpoint."""
    try:
        yield
    except _FAULTS as reason:
        raise UnsafeCheckpoint(f"not a checkpoint that can be read safely: {reason}") from reason
