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
from typing import BinaryIO, NamedTuple, TypeGuard

from diarize_runner.cache.checkpoint.restricted_unpickler import (
    RestrictedUnpickler,
    StorageName,
    translate_pickle_errors,
)
from diarize_runner.cache.checkpoint.tensor import ELEMENT_BYTES, Tensor
from diarize_runner.errors import UnsafeCheckpoint

ZIP_MAGIC = b"PK\x03\x04"
"""The first bytes decide the format, as in torch: a pickle may have a zip at its end."""
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_COUNT = struct.Struct("<q")
_COUNT_LIMIT = 1 << 60


class _Storage(NamedTuple):
    """A storage, whose bytes follow at the end of a legacy checkpoint.

    A tuple, because a pickle can set the fields of a dataclass, even a frozen one, through `__setstate__`.
    """

    kind: str
    """The name of its class: a key of ELEMENT_BYTES."""
    elements: int
    chunks: list[bytes]
    """One item after reading; empty before."""


class TensorView(NamedTuple):
    """A tensor as a view of a storage. A tuple for the same reason."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def tensor(self) -> Tensor:
        """Return the tensor; raise UnsafeCheckpoint when it is not contiguous or exceeds its storage."""
        if not _is_contiguous(self.shape, self.stride):
            raise UnsafeCheckpoint(f"a tensor of shape {self.shape} is not contiguous")
        size = ELEMENT_BYTES[self.storage.kind]
        start, count = self.offset * size, math.prod(self.shape) * size
        data = b"".join(self.storage.chunks)[start : start + count]
        if len(data) != count:
            raise UnsafeCheckpoint(f"a tensor of shape {self.shape} exceeds its storage")
        return Tensor(shape=self.shape, data=data, storage=self.storage.kind)


@dataclass(frozen=True, kw_only=True, slots=True)
class UpstreamCheckpoint:
    """A checkpoint as read."""

    content: dict[str, object]
    """The top-level dict; tensors are `TensorView`s."""
    names: frozenset[str]
    """Every name in the pickles."""


def read_checkpoint(data: bytes, *, allowed: Collection[str]) -> dict[str, object]:
    """Return a checkpoint's top-level dict; see `read_upstream`."""
    return read_upstream(data, allowed=allowed).content


def read_upstream(data: bytes, *, allowed: Collection[str]) -> UpstreamCheckpoint:
    """Read a checkpoint in either format.

    `allowed` lists the classes (`module.Name`) that the pickle may name; they become `ClassStub`s.

    Raises:
        UnsafeCheckpoint: the file is not a checkpoint, or its pickle has a name that is not allowed.
    """
    return read_zip(data, allowed=allowed) if data.startswith(ZIP_MAGIC) else _read_legacy(data, allowed)


def tensors(state: object) -> dict[str, Tensor]:
    """Return the tensors of a state dict, in its order."""
    if not isinstance(state, Mapping):
        raise UnsafeCheckpoint("the checkpoint has no state dict")
    views = {name: view for name, view in state.items() if type(name) is str and isinstance(view, TensorView)}
    if len(views) != len(state):
        raise UnsafeCheckpoint("the state dict has an entry that is not a named tensor")
    return {name: view.tensor() for name, view in views.items()}


def read_zip(
    data: bytes, *, allowed: Collection[str], check: Callable[[bytes], None] = lambda _: None
) -> UpstreamCheckpoint:
    """Read a checkpoint in torch's zip format, after calling `check` on its pickle; see `read_upstream`."""
    with translate_pickle_errors(), zipfile.ZipFile(io.BytesIO(data)) as archive:
        root = _root(archive)
        pickled = _stored(archive, f"{root}data.pkl")
        check(pickled)

        def storage(kind: object, key: object, _location: object, elements: object) -> _Storage:
            return _storage(kind, elements, [_stored(archive, f"{root}data/{key}")])

        return _read(io.BytesIO(pickled), allowed, storage)


def _root(archive: zipfile.ZipFile) -> str:
    """Return the checkpoint's folder in the archive, with a trailing slash."""
    names = archive.namelist()
    if any(name.endswith("/constants.pkl") for name in names):
        raise UnsafeCheckpoint(
            "the checkpoint is a TorchScript program", hint="save its state_dict with torch.save, and request that file"
        )
    root = next((name.removesuffix("data.pkl") for name in names if name.endswith("/data.pkl")), "")
    order = f"{root}byteorder"
    if order in names and archive.read(order) != b"little":
        raise UnsafeCheckpoint("the checkpoint is not little-endian", hint="save it on an x86-64 machine")
    return root


def _stored(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
        raise UnsafeCheckpoint(f"{name} is compressed, but torch stores it uncompressed")
    return archive.read(name)


def _read_legacy(data: bytes, allowed: Collection[str]) -> UpstreamCheckpoint:
    file, storages = io.BytesIO(data), dict[str, _Storage]()

    def storage(kind: object, key: object, _location: object, elements: object) -> _Storage:
        return storages.setdefault(str(key), _storage(kind, elements, []))

    preamble = [_unpickle(file, storage) for _ in range(3)]
    if preamble[:2] != [LEGACY_MAGIC, _LEGACY_PROTOCOL]:
        raise UnsafeCheckpoint("not a torch checkpoint")
    checkpoint = _read(file, allowed, storage)
    _fill(storages, _unpickle(file, storage), file)
    return checkpoint


def _fill(storages: dict[str, _Storage], keys: object, file: BinaryIO) -> None:
    """Read the storages that follow the pickles, in the order of `keys`: each an element count and the elements."""
    names = [key for key in keys if isinstance(key, str)] if isinstance(keys, list) else []
    if names != keys or set(names) != storages.keys():
        raise UnsafeCheckpoint("the checkpoint's storages differ from those of its tensors")
    for key in names:
        storage = storages[key]
        size = storage.elements * ELEMENT_BYTES[storage.kind]
        count, data = file.read(_COUNT.size), file.read(size)
        if count != _COUNT.pack(storage.elements) or len(data) != size or storage.chunks:
            raise UnsafeCheckpoint("a storage has another size than its tensors state")
        storage.chunks.append(data)


def _read(file: BinaryIO, allowed: Collection[str], storage: Callable[..., _Storage]) -> UpstreamCheckpoint:
    unpickler = RestrictedUnpickler(file, allowed=allowed, rebuild=_rebuild, storage=storage)
    content = unpickler.load_object()
    if not isinstance(content, dict):
        raise UnsafeCheckpoint("the checkpoint is not a dict")
    return UpstreamCheckpoint(content=content, names=frozenset(unpickler.names))


def _unpickle(file: BinaryIO, storage: Callable[..., _Storage]) -> object:
    return RestrictedUnpickler(file, allowed=(), rebuild=_rebuild, storage=storage).load_object()


def _rebuild(storage: object, offset: object, shape: object, stride: object, *_: object) -> TensorView:
    if isinstance(storage, _Storage) and _is_count(offset) and _are_counts(shape) and _are_counts(stride):
        return TensorView(storage=storage, offset=offset, shape=shape, stride=stride)
    raise UnsafeCheckpoint("a tensor's storage, offset, shape or stride is malformed")


def _is_count(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < _COUNT_LIMIT


def _are_counts(values: object) -> TypeGuard[tuple[int, ...]]:
    return type(values) is tuple and all(_is_count(value) for value in values)


def _storage(kind: object, elements: object, chunks: list[bytes]) -> _Storage:
    if type(kind) is not StorageName or kind not in ELEMENT_BYTES or not _is_count(elements):
        raise UnsafeCheckpoint(f"a storage has the unsupported type {kind!r}, or a malformed size")
    return _Storage(kind=str(kind), elements=elements, chunks=chunks)


def _is_contiguous(shape: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    """Whether the elements are in order and without gaps. An axis of length 1 may have any stride."""
    contiguous = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    wrong = [
        step for length, step, ideal in zip(shape, stride, contiguous, strict=False) if length > 1 and step != ideal
    ]
    return len(shape) == len(stride) and (0 in shape or not wrong)
