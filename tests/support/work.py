"""Work that must lose nothing when it is killed or the power is cut."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """How to prepare, run and check a work; each function takes its folder."""

    prepare: Callable[[Path], None]
    run: Callable[[Path], object]
    check: Callable[[Path, bool], None]
    """Checks what is left; the flag says whether the work had finished."""
    on: str = "box"
    """The subfolder that it changes."""
