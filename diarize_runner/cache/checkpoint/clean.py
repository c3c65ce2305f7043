"""Clean checkpoints: tensors, plain values, and at most one description of a pyannote model.

`clean` makes one from what was read. `read_clean` accepts a file only if `to_bytes` writes the same bytes from what is
in it: so what a box loads was written by this package, whatever the file's history. That proves that loading runs
nothing, as all names that `to_bytes` can write are in this module and in `writer.py`.

pyannote.audio loads checkpoints with `weights_only=False`, and makes a model of the class that `architecture` names
(core/model.py of 4.0.7): a cache lists that class, and `allow_list.py` compares.
"""

import io
import pickletools
from collections.abc import Mapping
from dataclasses import dataclass

from diarize_runner.cache.checkpoint.inert import Record, pickle_errors
from diarize_runner.cache.checkpoint.reader import ZIP_MAGIC, View, read_zip, tensors
from diarize_runner.cache.checkpoint.tensor import Tensor
from diarize_runner.cache.checkpoint.writer import WRITTEN_OPCODES, Call, Global, Instance, write_checkpoint
from diarize_runner.errors import UnsafeCheckpoint

_TASK = "pyannote.audio.core.task"
DESCRIPTION = frozenset(f"{_TASK}.{name}" for name in ("Specifications", "Problem", "Resolution"))
"""The classes that a description of a pyannote model is made of."""

_PYANNOTE = "pyannote.audio"
_ENUMS = {"problem": "Problem", "resolution": "Resolution"}
_SPECIFIED = (
    "duration",
    "min_duration",
    "warm_up",
    "classes",
    "powerset_max_classes",
    "permutation_invariant",
)
"""The fields of pyannote's Specifications that hold plain values; what it caches beside them is left out."""
_INSTANTIATOR = "_instantiator"
"""A hyper-parameter that lightning takes for the name of a function, and calls (core/saving.py of lightning 2.6)."""
_SUFFIXES = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth")
_SCALARS = (type(None), bool, int, float, str)


@dataclass(frozen=True, kw_only=True, slots=True)
class PyannoteModel:
    """A checkpoint that `Model.from_pretrained` reads."""

    module: str
    class_name: str
    """The class of the model is `module.class_name`."""
    specifications: dict[str, object]
    """By field; `problem` and `resolution` are the numbers of their enumerations."""
    hyper_parameters: dict[str, object]
    state: dict[str, Tensor]

    @property
    def class_names(self) -> tuple[str, ...]:
        """The class that pyannote imports."""
        return (f"{self.module}.{self.class_name}",)

    def to_bytes(self) -> bytes:
        """Lay out what pyannote's `from_pretrained` and lightning's `load_from_checkpoint` look for."""
        attributes = {key: _enum(key, value) if key in _ENUMS else value for key, value in self.specifications.items()}
        return write_checkpoint(
            {
                "state_dict": self.state,
                "hparams_name": "kwargs",
                "hyper_parameters": self.hyper_parameters,
                "pytorch-lightning_version": "2.0.0",
                "epoch": 0,
                "global_step": 0,
                _PYANNOTE: {
                    "versions": {_PYANNOTE: "4.0.0"},
                    "architecture": {"module": self.module, "class": self.class_name},
                    "specifications": Instance(of=Global(module=_TASK, name="Specifications"), attributes=attributes),
                },
            }
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class PlainValues:
    """A checkpoint of tensors and plain values, which no model of pyannote is made of."""

    values: dict[str, object]

    @property
    def class_names(self) -> tuple[str, ...]:
        """None: loading it imports nothing but torch's own."""
        return ()

    def to_bytes(self) -> bytes:
        """Return the bytes of the checkpoint."""
        return write_checkpoint(self.values)


CleanCheckpoint = PyannoteModel | PlainValues


def is_checkpoint(path: str) -> bool:
    """Whether a file is named like those that `torch.load` is called on."""
    return path.lower().endswith(_SUFFIXES)


def read_clean(data: bytes) -> CleanCheckpoint:
    """Read a file that this package wrote.

    Raises:
        UnsafeCheckpoint: it is anything else.
    """
    if not data.startswith(ZIP_MAGIC):
        raise _foreign()
    checkpoint = clean(read_zip(data, allowed=DESCRIPTION, check=_require_written).content)
    if checkpoint.to_bytes() != data:
        raise _foreign()
    return checkpoint


def clean(content: Mapping[str, object]) -> CleanCheckpoint:
    """Keep what loads: of a pyannote model its weights and description, of anything else all of it.

    Raises:
        UnsafeCheckpoint: it holds something that is neither a tensor nor a plain value.
    """
    with pickle_errors():
        if _PYANNOTE in content:
            return _pyannote_model(content)
        return PlainValues(values={_key(key): _plain(value) for key, value in content.items()})


def _pyannote_model(content: Mapping[str, object]) -> PyannoteModel:
    described = _mapping(content[_PYANNOTE])
    architecture = _mapping(described.get("architecture"))
    module, class_name = architecture.get("module"), architecture.get("class")
    if type(module) is not str or type(class_name) is not str:
        raise UnsafeCheckpoint("it describes its model otherwise than pyannote does")
    return PyannoteModel(
        module=module,
        class_name=class_name,
        specifications=_specifications(described.get("specifications")),
        hyper_parameters=_hyper_parameters(content.get("hyper_parameters")),
        state=tensors(content.get("state_dict")),
    )


def _specifications(record: object) -> dict[str, object]:
    if not isinstance(record, Record) or record.full_name != f"{_TASK}.Specifications":
        raise UnsafeCheckpoint("the checkpoint has no specification")
    attributes = _mapping(record.state)
    enums = {key: _number(attributes.get(key), name) for key, name in _ENUMS.items()}
    return {**enums, **{key: _plain(value) for key, value in attributes.items() if key in _SPECIFIED}}


def _hyper_parameters(value: object) -> dict[str, object]:
    parameters = {key: _plain(item) for key, item in _mapping(value).items()}
    if _INSTANTIATOR in parameters:
        raise UnsafeCheckpoint("its hyper-parameters name a function that lightning would call")
    return parameters


def _number(record: object, name: str) -> int:
    """Return the value of a member of pyannote's enumeration `name`."""
    if isinstance(record, Record) and record.full_name == f"{_TASK}.{name}":
        match record.args:
            case (int(value),):
                return value
    raise UnsafeCheckpoint(f"the specification has no {name}")


def _enum(key: str, value: object) -> Call:
    return Call(function=Global(module=_TASK, name=_ENUMS[key]), args=(value,))


def _mapping(value: object) -> dict[str, object]:
    if not isinstance(value, dict) or not all(type(key) is str for key in value):
        raise UnsafeCheckpoint("the checkpoint lacks a part that its kind has")
    return dict(value)


def _plain(value: object) -> object:
    """Return a value of exact types alone: `write_checkpoint` takes no others."""
    if isinstance(value, View):
        return value.tensor()
    if type(value) is list:
        return [_plain(item) for item in value]
    if type(value) is tuple:
        return tuple(_plain(item) for item in value)
    if isinstance(value, dict):
        return {_scalar(key): _plain(item) for key, item in value.items()}
    return _scalar(value)


def _key(key: object) -> str:
    if type(key) is not str:
        raise UnsafeCheckpoint("a key of the checkpoint is no text")
    return key


def _scalar(value: object) -> object:
    if type(value) not in _SCALARS:
        raise UnsafeCheckpoint(f"a checkpoint cannot hold a {type(value).__name__}")
    return value


def _require_written(pickled: bytes) -> None:
    """Refuse opcodes that we never write: without a memo, a few bytes cannot describe a structure beyond memory."""
    with pickle_errors():
        if any(opcode.name not in WRITTEN_OPCODES for opcode, _, _ in pickletools.genops(io.BytesIO(pickled))):
            raise _foreign()


def _foreign() -> UnsafeCheckpoint:
    hint = "build a new version: cache build rewrites every checkpoint"
    return UnsafeCheckpoint("it is not a checkpoint as cache build writes one", hint=hint)
