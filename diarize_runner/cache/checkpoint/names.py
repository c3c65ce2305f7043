"""The pickle gate: which names a checkpoint would import, found without importing any.

pyannote.audio loads checkpoints with `weights_only=False` (core/model.py of 4.0.7), so a checkpoint may run whatever
its pickle names. The unpickler here follows the pickle as Python's own does, whatever tricks of stack and memo it
plays, and hands out inert stand-ins: so what it records is what a real load would import.
"""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from diarize_runner.cache.checkpoint.inert import InertUnpickler, Record, pickle_errors
from diarize_runner.cache.checkpoint.reader import ZIP_MAGIC
from diarize_runner.errors import UnsafeCheckpoint

SUFFIXES = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth")
"""What torch.load is called on."""

STANDARD = frozenset(
    {
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
    }
)
"""Names that hold data and do nothing when they are called."""

_LEGACY_PICKLES = 5
"""Magic number, protocol, system, the checkpoint, the storages' keys."""


def checkpoint_names(path: Path, name: str) -> tuple[str, ...]:
    """Return every name that loading the file would import, sorted; none for a file that is no checkpoint.

    `name` is the file's own name, for `path` may be a blob.

    Raises:
        UnsafeCheckpoint: the file is named like a checkpoint, and cannot be read as one.
    """
    if not name.lower().endswith(SUFFIXES):
        return ()
    recorded: set[str] = set()
    for pickled in _pickles(path):
        _Recorder(pickled, recorded).load_all()
    return tuple(sorted(recorded))


def require_allowed(name: str, found: tuple[str, ...], allowed: frozenset[str]) -> None:
    """Raise UnsafeCheckpoint, with the names, when a checkpoint would import something that is not allowed."""
    if unknown := sorted(set(found) - allowed):
        hint = "do not load it; if you trust its source, allow them in the request: pickle_names: [...]"
        raise UnsafeCheckpoint(f"{name} is a pickle that names {', '.join(unknown)}", hint=hint)


def _pickles(path: Path) -> Iterator[io.BytesIO]:
    with path.open("rb") as file:
        if file.read(len(ZIP_MAGIC)) != ZIP_MAGIC:
            file.seek(0)
            yield io.BytesIO(file.read())
            return
    with pickle_errors(), zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        _require_one_reading(members)
        for member in members:
            if member.filename.endswith(".pkl"):
                yield io.BytesIO(archive.read(member))


def _require_one_reading(members: list[zipfile.ZipInfo]) -> None:
    """Refuse a zip that torch's reader and Python's might read differently, and one that torch runs as a program."""
    names = [member.filename for member in members]
    if len(set(names)) != len(names):
        raise UnsafeCheckpoint("the checkpoint's zip has two members of one name")
    if min(member.header_offset for member in members) != 0:
        raise UnsafeCheckpoint("the checkpoint's zip does not begin where the file does")
    if any(name.endswith("/constants.pkl") for name in names):
        raise UnsafeCheckpoint("the checkpoint is a TorchScript program")


class _Recorder(InertUnpickler):
    """Records every name, and lets each stand for something inert."""

    def __init__(self, file: io.BytesIO, recorded: set[str]) -> None:
        super().__init__(file, allowed=(), rebuild=Record, storage=Record)
        self._stream, self._recorded = file, recorded

    def load_all(self) -> None:
        """Unpickle one object, or all those that torch's older format begins with."""
        self.load_inert()
        for _ in range(_LEGACY_PICKLES - 1):
            if self._stream.tell() == len(self._stream.getbuffer()):
                break
            _Recorder(self._stream, self._recorded).load_inert()

    def find_class(self, module: str, name: str) -> object:
        """Record the name."""
        self._recorded.add(f"{module}.{name}")
        return type(name.rpartition(".")[2] or "Record", (Record,), {})

    def persistent_load(self, pid: object) -> object:
        """Let any reference stand."""
        return Record(pid)
