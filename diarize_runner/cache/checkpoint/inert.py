"""An unpickler that executes nothing: names on an allow-list become inert records, any other name stops it."""

import io
import pickle
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import BinaryIO

from diarize_runner.errors import UnsafeCheckpoint

BUILTINS: dict[str, type] = {
    "__builtin__.dict": dict,
    "__builtin__.list": list,
    "__builtin__.long": int,
    "collections.OrderedDict": OrderedDict,
}
"""Names whose own meaning is harmless."""


class Record:
    """What stands in for an object of a class that is never imported."""

    def __init__(self, *args: object) -> None:
        self.args = args
        self.state: object = None

    def __setstate__(self, state: object) -> None:
        self.state = state

    def __setitem__(self, key: object, value: object) -> None:
        """Take the items of a dict subclass, and drop them: no conversion reads any."""


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
        self._allowed, self._rebuild, self._storage = allowed, rebuild, storage

    def find_class(self, module: str, name: str) -> object:
        """Return the stand-in for `module.name`; raise UnsafeCheckpoint when it is not allowed."""
        full = f"{module}.{name}"
        if full in BUILTINS:
            return BUILTINS[full]
        if full == "torch._utils._rebuild_tensor_v2":
            return self._rebuild
        if module == "torch" and name.endswith("Storage"):
            return Name(name)
        if full in self._allowed:
            return type(name, (Record,), {})
        raise UnsafeCheckpoint(
            f"the checkpoint's pickle names {full}, which is not on the allow-list",
            hint="do not load it; if you trust the source, the conversion's allow-list has to learn the name",
        )

    def persistent_load(self, pid: object) -> object:
        """Return what `storage` makes of a storage's reference."""
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":  # noqa: PLR2004  # torch's own tuple
            raise UnsafeCheckpoint(f"the checkpoint refers to something that is no storage: {pid!r}")
        return self._storage(*pid[1:5])


def unpickle(file: BinaryIO, **parts: object) -> object:
    """Unpickle one object from `file`; raise UnsafeCheckpoint when it is no pickle, or names anything else."""
    try:
        return InertUnpickler(file, **parts).load()  # type: ignore[arg-type]
    except (pickle.UnpicklingError, EOFError, TypeError, ValueError, AttributeError, IndexError, KeyError) as reason:
        raise UnsafeCheckpoint(f"not a checkpoint that can be read safely: {reason}") from reason


def plain(data: bytes) -> object:
    """Unpickle one object that names nothing at all."""
    return unpickle(io.BytesIO(data), allowed=(), rebuild=_refused, storage=_refused)


def _refused(*_: object) -> object:
    raise UnsafeCheckpoint("a tensor stands where none belongs")
