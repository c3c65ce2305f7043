"""Work that promises to lose nothing: what lies there before it, and what must hold wherever it is cut short."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    prepare: Callable[[Path], None]
    run: Callable[[Path], object]
    check: Callable[[Path, bool], None]
    """Of what a cut left; and whether the work had come to its end before."""
    on: str = "box"
    """The folder that it changes."""
