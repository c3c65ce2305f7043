"""The pickle gate: which names a checkpoint would import, found without importing any.

pyannote.audio loads checkpoints with `weights_only=False` (core/model.py of 4.0.7), so a checkpoint may run whatever
its pickle names. The unpickler here follows the pickle as Python's own does, whatever tricks of stack and memo it
plays, and hands out inert stand-ins: so what it records is what a real load would import.
"""

import io
from pathlib import Path

from diarize_runner.cache.checkpoint.architecture import model_classes
from diarize_runner.cache.checkpoint.container import pickles
from diarize_runner.cache.checkpoint.inert import (
    MAPPINGS,
    InertUnpickler,
    Record,
    pickle_errors,
    require_few_memos,
)
from diarize_runner.cache.checkpoint.reader import LEGACY_MAGIC
from diarize_runner.cache.imports import Imports
from diarize_runner.errors import UnsafeCheckpoint

SUFFIXES = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth")
"""What torch.load is called on."""

HARMLESS = (
    "collections.OrderedDict",
    "collections.defaultdict",
    "pyannote.audio.core.model.Introspection",
    "pyannote.audio.core.task.Problem",
    "pyannote.audio.core.task.Resolution",
    "pyannote.audio.core.task.Specifications",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_tensor_v2",
    "torch.BoolStorage",
    "torch.DoubleStorage",
    "torch.FloatStorage",
    "torch.HalfStorage",
    "torch.IntStorage",
    "torch.LongStorage",
    "torch.Size",
    "torch.torch_version.TorchVersion",
    *(f"{module}.{name}" for module in ("__builtin__", "builtins") for name in ("dict", "int", "list", "set")),
    "__builtin__.long",
)
"""Names that hold data and do nothing when they are called."""

_LEGACY_PICKLES = 5
"""Magic number, protocol, system, the checkpoint, the storages' keys."""


def checkpoint_imports(path: Path, name: str) -> Imports:
    """Return every name that loading the file would import, sorted; none for a file that is no checkpoint.

    `name` is the file's own name, for `path` may be a blob.

    Raises:
        UnsafeCheckpoint: the file is named like a checkpoint, and cannot be read as one.
    """
    if not name.lower().endswith(SUFFIXES):
        return Imports()
    recorded, classes = set[str](), set[str]()
    try:
        with pickle_errors():
            for pickled in pickles(path):
                for found in _record(pickled, recorded):
                    classes.update(model_classes(found))
    except UnsafeCheckpoint as reason:
        raise UnsafeCheckpoint(f"{name}: {reason.message}", hint=reason.hint) from reason
    return Imports(pickle_names=tuple(sorted(recorded)), class_names=tuple(sorted(classes)))


def _record(pickled: io.BytesIO, recorded: set[str]) -> list[object]:
    """Unpickle one object, or all those that torch's older format begins with."""
    size, objects = len(pickled.getbuffer()), list[object]()
    while len(objects) < _LEGACY_PICKLES and (pickled.tell() < size or not objects):
        require_few_memos(pickled)
        objects.append(_Recorder(pickled, recorded).load())
    if objects[0] == LEGACY_MAGIC and len(objects) < _LEGACY_PICKLES:
        raise UnsafeCheckpoint("it is cut short")
    return objects


class _Recorder(InertUnpickler):
    """Records every name, and lets each stand for something inert."""

    def __init__(self, file: io.BytesIO, recorded: set[str]) -> None:
        super().__init__(file, allowed=(), rebuild=Record, storage=Record)
        self._recorded = recorded

    def find_class(self, module: str, name: str) -> object:
        """Record the name."""
        full = f"{module}.{name}"
        self._recorded.add(full)
        return MAPPINGS.get(full) or type(name.rpartition(".")[2] or "Record", (Record,), {})

    def persistent_load(self, pid: object) -> object:
        """Let any reference stand."""
        return Record(pid)
