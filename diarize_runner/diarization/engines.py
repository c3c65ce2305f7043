"""What engines and devices are called: on the command line, for Python callers, in workloads and in reports."""

from typing import Final, Literal, get_args

Engine = Literal["exact", "stock"]
EXACT: Final = "exact"
"""The default: it writes what `stock` writes, in less time."""
STOCK: Final = "stock"
"""Pyannote's own pipeline, with which others are compared."""
ENGINES: Final[tuple[Engine, ...]] = get_args(Engine)
DEVICES: Final = ("auto", "cuda", "cpu")
"""`auto` is cuda where there is one."""
