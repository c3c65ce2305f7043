"""An unpickler that executes no code: it builds plain data and tensors, and replaces allowlisted classes by stubs.

It refuses every other name.
"""

import pickle
import pickletools
import struct
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO
from zipfile import BadZipFile

from diarize_runner.errors import UnsafeCheckpoint

_MAX_MEMO_INDEX = 1 << 20
_PICKLE_ERRORS = (
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
"""What `pickle` and `zipfile` raise on malformed or truncated bytes."""


class PlainOrderedDict(dict[object, object]):
    """An OrderedDict without attributes, so that a pickle cannot replace methods such as `items`."""

    def __setstate__(self, state: object) -> None:
        """Ignore pickled attributes, such as the `_metadata` of torch's state dicts."""


class PlainDefaultDict(PlainOrderedDict):
    """A defaultdict without a default factory."""

    def __init__(self, _factory: object = None, *args: Iterable[tuple[object, object]]) -> None:
        super().__init__(*args)


SAFE_TYPES: dict[str, type] = {
    "collections.OrderedDict": PlainOrderedDict,
    "collections.defaultdict": PlainDefaultDict,
    "torch.Size": tuple,
    "__builtin__.long": int,
    **{f"{module}.{kind.__name__}": kind for module in ("__builtin__", "builtins") for kind in (dict, int, list, set)},
}
"""Data types whose constructors have no side effects, with the types that replace them."""

_REBUILD_TENSOR, _REBUILD_PARAMETER = "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter"


class ClassStub:
    """Replaces an object whose class is never imported."""

    full_name = ""
    """The class's qualified name, such as `pyannote.audio.core.task.Problem`."""
    args: tuple[object, ...] = ()
    state: object = None

    def __init__(self, *args: object) -> None:
        self.args = args

    def __setstate__(self, state: object) -> None:
        self.state = state

    def __setitem__(self, key: object, value: object) -> None:
        """Drop an item of a dict subclass."""

    def __call__(self, *_: object) -> "ClassStub":
        """Return this stub as the result of the call."""
        return self

    def append(self, item: object) -> None:
        """Drop an item of a list subclass."""

    def extend(self, items: object) -> None:
        """Drop the items of a list subclass."""

    def add(self, item: object) -> None:
        """Drop an item of a set subclass."""


class StorageName(str):
    """The name of a torch storage class."""

    __slots__ = ()


class RestrictedUnpickler(pickle.Unpickler):
    """Unpickles data. Allowed classes become `ClassStub`s; `rebuild` and `storage` make the tensors and storages."""

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
        """Every name in the pickle."""

    def load_object(self) -> object:
        """Unpickle one object; raise UnsafeCheckpoint when the pickle is malformed or a name is not allowed."""
        with translate_pickle_errors():
            refuse_high_memo_indexes(self.file)
            return self.load()

    def find_class(self, module: str, name: str) -> object:
        """Return a safe type, a tensor builder, a storage name or a stub for `module.name`.

        Raises:
            UnsafeCheckpoint: the name is not allowed.
        """
        full = f"{module}.{name}"
        self.names.add(full)
        if full in SAFE_TYPES:
            return SAFE_TYPES[full]
        if full == _REBUILD_TENSOR:
            return lambda *args: self._rebuild(*args)  # noqa: PLW0108  # a new function: a pickle may set attributes on it
        if full == _REBUILD_PARAMETER:
            return lambda tensor, *_: tensor
        if module == "torch" and name.endswith("Storage"):
            return StorageName(name)
        if full in self._allowed:
            return type(name, (ClassStub,), {"full_name": full})
        raise UnsafeCheckpoint(
            f"the checkpoint's pickle refers to {full}, which is not on the allowlist",
            hint="do not load it; if you trust its source, allow the name in the request: pickle_names: [...]",
        )

    def persistent_load(self, pid: object) -> object:
        """Return the storage for a persistent id; raise UnsafeCheckpoint for any other reference.

        Unlike this method, torch's loader returns the object inside `("module", object, ...)`, which lets a pickle set
        attributes on imported objects (torch/serialization.py, `_legacy_load`).
        """
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":  # noqa: PLR2004  # torch's own tuple
            raise UnsafeCheckpoint("a persistent id does not refer to a storage")
        if any(part is not None for part in pid[5:]):
            raise UnsafeCheckpoint("a storage is a view of another storage, which torch no longer writes")
        return self._storage(*pid[1:5])


def refuse_high_memo_indexes(file: BinaryIO) -> None:
    """Refuse high memo indexes: the unpickler allocates a table of that size, so ten bytes could take 64 GB."""
    start = file.tell()
    for opcode, argument, _ in pickletools.genops(file):
        if opcode.name in ("PUT", "LONG_BINPUT") and isinstance(argument, int) and argument > _MAX_MEMO_INDEX:
            raise UnsafeCheckpoint(f"the checkpoint's pickle has the memo index {argument}, above {_MAX_MEMO_INDEX}")
    file.seek(start)


@contextmanager
def translate_pickle_errors() -> Iterator[None]:
    """Convert the errors of `pickle` and `zipfile` to UnsafeCheckpoint."""
    try:
        yield
    except _PICKLE_ERRORS as reason:
        raise UnsafeCheckpoint(f"malformed or truncated checkpoint: {reason}") from reason
