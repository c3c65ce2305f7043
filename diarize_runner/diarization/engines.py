"""What the engines are called: on the command line, in workloads and in reports."""

from typing import Final, Literal, get_args

Engine = Literal["exact", "stock"]
EXACT: Final = "exact"
"""Gives the same output as `stock`, sooner; what runs unless something else is asked for."""
STOCK: Final = "stock"
"""Pyannote's own pipeline, with which others are compared."""
ENGINES: Final[tuple[Engine, ...]] = get_args(Engine)
