"""Tensors as bytes, without torch."""

from dataclasses import dataclass

ELEMENT_BYTES = {
    "FloatStorage": 4,
    "DoubleStorage": 8,
    "HalfStorage": 2,
    "BFloat16Storage": 2,
    "LongStorage": 8,
    "IntStorage": 4,
    "ShortStorage": 2,
    "CharStorage": 1,
    "ByteStorage": 1,
    "BoolStorage": 1,
}
"""Bytes per element, by torch storage class. https://docs.pytorch.org/docs/2.11/storage.html"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tensor:
    """A contiguous tensor, little-endian."""

    shape: tuple[int, ...]
    data: bytes
    storage: str = "FloatStorage"
    """The torch storage class, which determines the dtype: a key of ELEMENT_BYTES."""
