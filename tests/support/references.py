"""Checkpoints in torch's legacy format with persistent references to objects other than storages.

torch returns the object in a reference `("module", object, source file, source)`, and compares the sources if both are
given (`_legacy_load` in torch/serialization.py of 2.11).
"""

import io
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from support.pickles import as_stream, text
from support.processes import finished, start

_SPECIFICATIONS = b"cpyannote.audio.core.task\nSpecifications\n"
_EVIL = "from pathlib import Path\nPath('ran').touch()\nclass Thing: pass\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trick:
    """A checkpoint, and a test of its effect on torch."""

    data: bytes
    attempt: Callable[[], None]
    """Fails if the trick does not work; it changes its process."""

    def works(self) -> bool:
        """Return whether the trick works, in a new process."""
        return finished(start(self.attempt))


def patches_a_class() -> Trick:
    """Set an attribute of an allowed class: BUILD on the object of a reference."""
    data = as_stream(b"\x80\x02" + _reference(_SPECIFICATIONS) + _build("planted") + b"0}.")

    def attempt() -> None:
        from pyannote.audio.core.task import Specifications

        assert not hasattr(Specifications, "planted")
        _load(data)
        assert Specifications.planted == 1

    return Trick(data=data, attempt=attempt)


def writes_a_patch() -> Trick:
    """Write a file to the working folder: the diff between a class's source and that of the reference."""
    with_sources = _reference(_SPECIFICATIONS, text("x.py") + text("id\n"))
    data = as_stream(b"\x80\x02" + _SPECIFICATIONS + _build("dump_patches") + b"0" + with_sources + b"0}.")

    def attempt() -> None:
        _load(data)
        assert Path("Specifications.patch").read_text()

    return Trick(data=data, attempt=attempt)


def hides_its_class() -> Trick:
    """Wrap the top-level dict in a reference, so that a checker of dicts sees none."""
    described = {"versions": {"pyannote.audio": "4.0.0"}, "architecture": {"module": "hidden_evil", "class": "Thing"}}
    opcodes = pickle.dumps({"pyannote.audio": described}, 2)[2:-1]
    data = as_stream(b"\x80\x02" + _reference(opcodes) + b".")

    def attempt() -> None:
        from contextlib import suppress

        from pyannote.audio import Model

        Path("hidden_evil.py").write_text(_EVIL)
        Path("hidden.bin").write_bytes(data)
        sys.path.insert(0, str(Path.cwd()))
        with suppress(Exception):
            Model.from_pretrained("hidden.bin")
        assert Path("ran").exists()
        Path("ran").unlink()

    return Trick(data=data, attempt=attempt)


def _reference(of: bytes, sources: bytes = b"NN") -> bytes:
    return b"(" + text("module") + of + sources + b"tQ"


def _build(attribute: str) -> bytes:
    """Return the opcodes that set an attribute of the object on the stack to 1."""
    return b"(N}" + text(attribute) + b"K\x01stb"


def _load(data: bytes) -> None:
    import torch

    torch.load(io.BytesIO(data), weights_only=False)
