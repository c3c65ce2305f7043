"""Names of engines and devices, for the command line, the Python API, workloads and reports."""

from typing import Final, Literal, get_args

Engine = Literal["exact", "stock"]
EXACT: Final = "exact"
"""The default: the output of `stock`, faster."""
STOCK: Final = "stock"
"""Pyannote's unmodified pipeline, the baseline of comparisons."""
ENGINES: Final[tuple[Engine, ...]] = get_args(Engine)
DEVICES: Final = ("auto", "cuda", "cpu")
"""`auto` is cuda if available, else cpu."""
