"""Read either of torch's checkpoint formats as plain data.

The formats are those of `torch.serialization`: a zip archive since torch 1.6 (`data.pkl`, `data/<key>`), and
before that a stream of pickles followed by the raw storages.
https://github.com/pytorch/pytorch/blob/v2.11.0/torch/serialization.py (`_load`, `_legacy_load`)
"""

import io
import math
import struct
import zipfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import BinaryIO, TypeGuard

from diarize_runner.cache.checkpoint.inert import InertUnpickler, Name, pickle_errors
from diarize_runner.errors import UnsafeCheckpoint

FLOAT_BYTES = 4
ZIP_MAGIC = b"PK\x03\x04"
"""torch tells its two formats apart by the first bytes, so we do: a pickle may have a zip at its end."""
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_COUNT = struct.Struct("<q")
_BEYOND_COUNTING = 1 << 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Tensor:
    """A contiguous float32 tensor, little-endian."""

    shape: tuple[int, ...]
    data: bytes


@dataclass(kw_only=True, slots=True)
class _Storage:
    """A storage, whose bytes a legacy checkpoint gives only at its end."""

    elements: int
    data: bytes = b""


@dataclass(frozen=True, kw_only=True, slots=True)
class _View:
    """A tensor as the pickle describes it: a window on a storage."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def tensor(self) -> Tensor:
        if not _is_contiguous(self.shape, self.stride):
            raise UnsafeCheckpoint(f"a tensor of shape {self.shape} is not contiguous")
        start, count = self.offset * FLOAT_BYTES, math.prod(self.shape) * FLOAT_BYTES
        data = self.storage.data[start : start + count]
        if len(data) != count:
            raise UnsafeCheckpoint(f"a tensor of shape {self.shape} leads out of its storage")
        return Tensor(shape=self.shape, data=data)


def read_checkpoint(data: bytes, *, allowed: Collection[str]) -> dict[str, object]:
    """Return a checkpoint's top-level dict, its tensors as views that `tensors` opens.

    `allowed` are the class names (`module.Name`) that may stand in the pickle; they become inert records.

    Raises:
        UnsafeCheckpoint: the file is no checkpoint, or its pickle names anything else.
    """
    checkpoint = _read_zip(data, allowed) if data.startswith(ZIP_MAGIC) else _read_legacy(data, allowed)
    if not isinstance(checkpoint, dict):
        raise UnsafeCheckpoint("the checkpoint holds no dict")
    return checkpoint


def tensors(state: object) -> dict[str, Tensor]:
    """Return the tensors of a state dict, by parameter name, in its order."""
    if not isinstance(state, Mapping):
        raise UnsafeCheckpoint("the checkpoint holds no state dict")
    views = {name: view for name, view in state.items() if isinstance(name, str) and isinstance(view, _View)}
    if len(views) != len(state):
        raise UnsafeCheckpoint("the state dict holds something that is no named tensor")
    return {name: view.tensor() for name, view in views.items()}


def _read_zip(data: bytes, allowed: Collection[str]) -> object:
    with pickle_errors(), zipfile.ZipFile(io.BytesIO(data)) as archive:
        root = next((name[: -len("data.pkl")] for name in archive.namelist() if name.endswith("/data.pkl")), "")
        pickled = io.BytesIO(_stored(archive, f"{root}data.pkl"))

        def storage(kind: object, key: object, _location: object, elements: object) -> _Storage:
            return _storage(kind, elements, _stored(archive, f"{root}data/{key}"))

        return _unpickle(pickled, allowed, storage)


def _stored(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
        raise UnsafeCheckpoint(f"{name} is compressed, which torch never does")
    return archive.read(name)


def _read_legacy(data: bytes, allowed: Collection[str]) -> object:
    file, storages = io.BytesIO(data), dict[str, _Storage]()

    def storage(kind: object, key: object, _location: object, elements: object) -> _Storage:
        return storages.setdefault(str(key), _storage(kind, elements, b""))

    preamble = [_unpickle(file, (), storage) for _ in range(3)]
    if preamble[:2] != [LEGACY_MAGIC, _LEGACY_PROTOCOL]:
        raise UnsafeCheckpoint("not a torch checkpoint")
    checkpoint = _unpickle(file, allowed, storage)
    _fill(storages, _unpickle(file, (), storage), file)
    return checkpoint


def _fill(storages: dict[str, _Storage], keys: object, file: BinaryIO) -> None:
    """Read the storages that follow the pickles: a count of elements, and the elements, in the order of `keys`."""
    named = [key for key in keys if isinstance(key, str)] if isinstance(keys, list) else []
    if named != keys or set(named) != storages.keys():
        raise UnsafeCheckpoint("the checkpoint's storages are not those its tensors name")
    for key in named:
        storage = storages[key]
        count, storage.data = file.read(_COUNT.size), file.read(storage.elements * FLOAT_BYTES)
        if count != _COUNT.pack(storage.elements) or len(storage.data) != storage.elements * FLOAT_BYTES:
            raise UnsafeCheckpoint("a storage is not as long as its tensors say")


def _unpickle(file: BinaryIO, allowed: Collection[str], storage: Callable[..., _Storage]) -> object:
    return InertUnpickler(file, allowed=allowed, rebuild=_rebuild, storage=storage).load_inert()


def _rebuild(storage: object, offset: object, shape: object, stride: object, *_: object) -> _View:
    if isinstance(storage, _Storage) and _is_count(offset) and _are_counts(shape) and _are_counts(stride):
        return _View(storage=storage, offset=offset, shape=shape, stride=stride)
    raise UnsafeCheckpoint("a tensor is not described as torch describes one")


def _is_count(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < _BEYOND_COUNTING


def _are_counts(values: object) -> TypeGuard[tuple[int, ...]]:
    return isinstance(values, tuple) and all(_is_count(value) for value in values)


def _storage(kind: object, elements: object, data: bytes) -> _Storage:
    if kind != Name("FloatStorage") or not _is_count(elements):
        raise UnsafeCheckpoint(f"a storage of {kind!r} is not float32")
    return _Storage(elements=elements, data=data)


def _is_contiguous(shape: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    """Whether the elements lie in order and without gaps. What is never stepped over may have any stride."""
    contiguous = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    gaps = [own for extent, own, wanted in zip(shape, stride, contiguous, strict=False) if extent > 1 and own != wanted]
    return len(shape) == len(stride) and (0 in shape or not gaps)
