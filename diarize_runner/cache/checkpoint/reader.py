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
from typing import BinaryIO

from diarize_runner.cache.checkpoint.inert import InertUnpickler, Name, pickle_errors
from diarize_runner.errors import UnsafeCheckpoint

FLOAT_BYTES = 4
ZIP_MAGIC = b"PK\x03\x04"
"""torch tells its two formats apart by the first bytes, so we do: a pickle may have a zip at its end."""
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001


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
        if self.stride != _contiguous_stride(self.shape):
            raise UnsafeCheckpoint(f"a tensor of shape {self.shape} is not contiguous")
        start, count = self.offset * FLOAT_BYTES, math.prod(self.shape) * FLOAT_BYTES
        data = self.storage.data[start : start + count]
        if start < 0 or len(data) != count:
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
    views = {str(name): view for name, view in state.items() if isinstance(view, _View)}
    if len(views) != len(state):
        raise UnsafeCheckpoint("the state dict holds something that is no tensor")
    return {name: view.tensor() for name, view in views.items()}


def _read_zip(data: bytes, allowed: Collection[str]) -> object:
    with pickle_errors(), zipfile.ZipFile(io.BytesIO(data)) as archive:
        root = next((name[: -len("data.pkl")] for name in archive.namelist() if name.endswith("/data.pkl")), "")
        pickled = io.BytesIO(archive.read(f"{root}data.pkl"))

        def storage(kind: object, key: object, _location: object, elements: object) -> _Storage:
            return _storage(kind, elements, archive.read(f"{root}data/{key}"))

        return _unpickle(pickled, allowed, storage)


def _read_legacy(data: bytes, allowed: Collection[str]) -> object:
    file, storages = io.BytesIO(data), dict[str, _Storage]()

    def storage(kind: object, key: object, _location: object, elements: object) -> _Storage:
        return storages.setdefault(str(key), _storage(kind, elements, b""))

    preamble = [_unpickle(file, (), storage) for _ in range(3)]
    if preamble[:2] != [LEGACY_MAGIC, _LEGACY_PROTOCOL]:
        raise UnsafeCheckpoint("not a torch checkpoint")
    checkpoint = _unpickle(file, allowed, storage)
    keys = _unpickle(file, (), storage)
    for key in keys if isinstance(keys, list) else []:
        (elements,) = struct.unpack("<q", file.read(8))
        storages[key].data = file.read(elements * FLOAT_BYTES)
    return checkpoint


def _unpickle(file: BinaryIO, allowed: Collection[str], storage: Callable[..., _Storage]) -> object:
    return InertUnpickler(file, allowed=allowed, rebuild=_rebuild, storage=storage).load_inert()


def _rebuild(storage: _Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: object) -> _View:
    return _View(storage=storage, offset=offset, shape=tuple(shape), stride=tuple(stride))


def _storage(kind: object, elements: object, data: bytes) -> _Storage:
    if kind != Name("FloatStorage") or not isinstance(elements, int):
        raise UnsafeCheckpoint(f"a storage of {kind!r} is not float32")
    return _Storage(elements=elements, data=data)


def _contiguous_stride(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
