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

from diarize_runner.cache.checkpoint.inert import InertUnpickler, Name, pickle_errors
from diarize_runner.cache.checkpoint.tensor import ELEMENT_BYTES, Tensor
from diarize_runner.errors import UnsafeCheckpoint

ZIP_MAGIC = b"PK\x03\x04"
"""torch tells its two formats apart by the first bytes, so we do: a pickle may have a zip at its end."""
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_COUNT = struct.Struct("<q")
_BEYOND_COUNTING = 1 << 60


class _Storage(NamedTuple):
    """A storage, whose bytes a legacy checkpoint gives only at its end.

    A pickle sets the fields of a dataclass through its `__setstate__`, frozen or not; a tuple has none.
    """

    kind: str
    """The name of its class: one of ELEMENT_BYTES."""
    elements: int
    held: list[bytes]
    """One item, once it is read."""


class View(NamedTuple):
    """A tensor as the pickle describes it: a window on a storage. A tuple for the same reason."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def tensor(self) -> Tensor:
        """Return its elements.

        Raises:
            UnsafeCheckpoint: they do not lie in order and without gaps, or not all inside the storage.
        """
        if not _is_contiguous(self.shape, self.stride):
            raise UnsafeCheckpoint(f"a tensor of shape {self.shape} is not contiguous")
        size = ELEMENT_BYTES[self.storage.kind]
        start, count = self.offset * size, math.prod(self.shape) * size
        data = b"".join(self.storage.held)[start : start + count]
        if len(data) != count:
            raise UnsafeCheckpoint(f"a tensor of shape {self.shape} leads out of its storage")
        return Tensor(shape=self.shape, data=data, storage=self.storage.kind)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadCheckpoint:
    """What a file holds."""

    content: dict[str, object]
    """Its top-level dict; tensors are views, which `View.tensor` opens."""
    names: frozenset[str]
    """Every name in its pickles."""


def read_checkpoint(data: bytes, *, allowed: Collection[str]) -> dict[str, object]:
    """Return a checkpoint's top-level dict; see `read_upstream`."""
    return read_upstream(data, allowed=allowed).content


def read_upstream(data: bytes, *, allowed: Collection[str]) -> ReadCheckpoint:
    """Read a checkpoint in either format.

    `allowed` are the class names (`module.Name`) that may stand in the pickle; they become inert records.

    Raises:
        UnsafeCheckpoint: the file is no checkpoint, or its pickle names anything else.
    """
    return read_zip(data, allowed=allowed) if data.startswith(ZIP_MAGIC) else _read_legacy(data, allowed)


def tensors(state: object) -> dict[str, Tensor]:
    """Return the tensors of a state dict, by parameter name, in its order."""
    if not isinstance(state, Mapping):
        raise UnsafeCheckpoint("the checkpoint holds no state dict")
    views = {name: view for name, view in state.items() if type(name) is str and isinstance(view, View)}
    if len(views) != len(state):
        raise UnsafeCheckpoint("the state dict holds something that is no named tensor")
    return {name: view.tensor() for name, view in views.items()}


def read_zip(
    data: bytes, *, allowed: Collection[str], check: Callable[[bytes], None] = lambda _: None
) -> ReadCheckpoint:
    """Read a checkpoint in torch's zip format, its pickle after `check` has passed it; see `read_upstream`."""
    with pickle_errors(), zipfile.ZipFile(io.BytesIO(data)) as archive:
        root = _root(archive)
        pickled = _stored(archive, f"{root}data.pkl")
        check(pickled)

        def storage(kind: object, key: object, _location: object, elements: object) -> _Storage:
            return _storage(kind, elements, [_stored(archive, f"{root}data/{key}")])

        return _read(io.BytesIO(pickled), allowed, storage)


def _root(archive: zipfile.ZipFile) -> str:
    """Return the folder in the archive that holds the checkpoint."""
    names = archive.namelist()
    if any(name.endswith("/constants.pkl") for name in names):
        raise UnsafeCheckpoint("it is a TorchScript program", hint="save its state_dict, and cache that")
    root = next((name.removesuffix("data.pkl") for name in names if name.endswith("/data.pkl")), "")
    order = f"{root}byteorder"
    if order in names and archive.read(order) != b"little":
        raise UnsafeCheckpoint("its numbers are not little-endian", hint="save it on an x86-64 machine")
    return root


def _stored(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
        raise UnsafeCheckpoint(f"{name} is compressed, which torch never does")
    return archive.read(name)


def _read_legacy(data: bytes, allowed: Collection[str]) -> ReadCheckpoint:
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
    """Read the storages that follow the pickles: a count of elements, and the elements, in the order of `keys`."""
    named = [key for key in keys if isinstance(key, str)] if isinstance(keys, list) else []
    if named != keys or set(named) != storages.keys():
        raise UnsafeCheckpoint("the checkpoint's storages are not those its tensors name")
    for key in named:
        storage = storages[key]
        size = storage.elements * ELEMENT_BYTES[storage.kind]
        count, data = file.read(_COUNT.size), file.read(size)
        if count != _COUNT.pack(storage.elements) or len(data) != size or storage.held:
            raise UnsafeCheckpoint("a storage is not as long as its tensors say")
        storage.held.append(data)


def _read(file: BinaryIO, allowed: Collection[str], storage: Callable[..., _Storage]) -> ReadCheckpoint:
    unpickler = InertUnpickler(file, allowed=allowed, rebuild=_rebuild, storage=storage)
    content = unpickler.load_inert()
    if not isinstance(content, dict):
        raise UnsafeCheckpoint("the checkpoint holds no dict")
    return ReadCheckpoint(content=content, names=frozenset(unpickler.names))


def _unpickle(file: BinaryIO, storage: Callable[..., _Storage]) -> object:
    return InertUnpickler(file, allowed=(), rebuild=_rebuild, storage=storage).load_inert()


def _rebuild(storage: object, offset: object, shape: object, stride: object, *_: object) -> View:
    if isinstance(storage, _Storage) and _is_count(offset) and _are_counts(shape) and _are_counts(stride):
        return View(storage=storage, offset=offset, shape=shape, stride=stride)
    raise UnsafeCheckpoint("a tensor is not described as torch describes one")


def _is_count(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < _BEYOND_COUNTING


def _are_counts(values: object) -> TypeGuard[tuple[int, ...]]:
    return type(values) is tuple and all(_is_count(value) for value in values)


def _storage(kind: object, elements: object, held: list[bytes]) -> _Storage:
    if type(kind) is not Name or kind not in ELEMENT_BYTES or not _is_count(elements):
        raise UnsafeCheckpoint(f"a storage of {kind!r} holds no numbers that are known here")
    return _Storage(kind=str(kind), elements=elements, held=held)


def _is_contiguous(shape: tuple[int, ...], stride: tuple[int, ...]) -> bool:
    """Whether the elements lie in order and without gaps. What is never stepped over may have any stride."""
    contiguous = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    gaps = [own for extent, own, wanted in zip(shape, stride, contiguous, strict=False) if extent > 1 and own != wanted]
    return len(shape) == len(stride) and (0 in shape or not gaps)
