"""Clean checkpoints: tensors, plain values, and at most one description of a pyannote model.

`clean` makes one from an upstream checkpoint. `read_clean` accepts a file only if `to_bytes` reproduces its bytes, so
every name in its pickle is one that this module or `writer.py` writes, and loading it runs no other code.

pyannote.audio loads checkpoints with `weights_only=False`, and instantiates the class that `architecture` names
(core/model.py of 4.0.7). A cache lists that class, and `import_allowlist.py` checks it.
"""

import io
import pickletools
from collections.abc import Mapping
from dataclasses import dataclass

from diarize_runner.cache.checkpoint.reader import ZIP_MAGIC, TensorView, read_zip, tensors
from diarize_runner.cache.checkpoint.restricted_unpickler import ClassStub, translate_pickle_errors
from diarize_runner.cache.checkpoint.tensor import Tensor
from diarize_runner.cache.checkpoint.writer import WRITTEN_OPCODES, Call, Global, Instance, write_checkpoint
from diarize_runner.errors import UnsafeCheckpoint

_TASK = "pyannote.audio.core.task"
SPECIFICATION_CLASSES = frozenset(f"{_TASK}.{name}" for name in ("Specifications", "Problem", "Resolution"))
"""The classes in the description of a pyannote model."""

_PYANNOTE = "pyannote.audio"
_ENUMS = {"problem": "Problem", "resolution": "Resolution"}
_PLAIN_FIELDS = (
    "duration",
    "min_duration",
    "warm_up",
    "classes",
    "powerset_max_classes",
    "permutation_invariant",
)
"""The fields of pyannote's Specifications that hold plain values; its cached properties are left out."""
_INSTANTIATOR = "_instantiator"
"""A hyper-parameter that lightning imports and calls as a function (core/saving.py of lightning 2.6)."""
_SUFFIXES = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth")
_SCALARS = (type(None), bool, int, float, str)


@dataclass(frozen=True, kw_only=True, slots=True)
class PyannoteModel:
    """A checkpoint that `Model.from_pretrained` reads."""

    module: str
    class_name: str
    """The model's class is `module.class_name`."""
    specifications: dict[str, object]
    """By field name; `problem` and `resolution` are enum values."""
    hyper_parameters: dict[str, object]
    state: dict[str, Tensor]

    @property
    def class_names(self) -> tuple[str, ...]:
        """The class that pyannote imports."""
        return (f"{self.module}.{self.class_name}",)

    def to_bytes(self) -> bytes:
        """Return a checkpoint with the keys that pyannote's and lightning's loaders read."""
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
                    "specifications": Instance(
                        class_=Global(module=_TASK, name="Specifications"), attributes=attributes
                    ),
                },
            }
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class PlainValues:
    """A checkpoint of tensors and plain values that is not a pyannote model."""

    values: dict[str, object]

    @property
    def class_names(self) -> tuple[str, ...]:
        """Empty: loading it imports only torch's own names."""
        return ()

    def to_bytes(self) -> bytes:
        """Return the bytes of the checkpoint."""
        return write_checkpoint(self.values)


CleanCheckpoint = PyannoteModel | PlainValues


def is_checkpoint(path: str) -> bool:
    """Whether the file name has a suffix of checkpoints."""
    return path.lower().endswith(_SUFFIXES)


def read_clean(data: bytes) -> CleanCheckpoint:
    """Read a checkpoint that this package wrote; raise UnsafeCheckpoint for any other file."""
    if not data.startswith(ZIP_MAGIC):
        raise _not_clean()
    checkpoint = clean(read_zip(data, allowed=SPECIFICATION_CLASSES, check=_require_written_opcodes).content)
    if checkpoint.to_bytes() != data:
        raise _not_clean()
    return checkpoint


def clean(content: Mapping[str, object]) -> CleanCheckpoint:
    """Keep the weights and description of a pyannote model, or all of any other checkpoint.

    Raises:
        UnsafeCheckpoint: a kept value is neither a tensor nor a plain value.
    """
    with translate_pickle_errors():
        if _PYANNOTE in content:
            return _pyannote_model(content)
        return PlainValues(values={_key(key): _plain_value(value) for key, value in content.items()})


def _pyannote_model(content: Mapping[str, object]) -> PyannoteModel:
    described = _mapping(content[_PYANNOTE])
    architecture = _mapping(described.get("architecture"))
    module, class_name = architecture.get("module"), architecture.get("class")
    if type(module) is not str or type(class_name) is not str:
        raise UnsafeCheckpoint("the architecture lacks a module or a class name")
    return PyannoteModel(
        module=module,
        class_name=class_name,
        specifications=_specifications(described.get("specifications")),
        hyper_parameters=_hyper_parameters(content.get("hyper_parameters")),
        state=tensors(content.get("state_dict")),
    )


def _specifications(record: object) -> dict[str, object]:
    if not isinstance(record, ClassStub) or record.full_name != f"{_TASK}.Specifications":
        raise UnsafeCheckpoint("the checkpoint has no specifications")
    attributes = _mapping(record.state)
    enums = {key: _number(attributes.get(key), name) for key, name in _ENUMS.items()}
    return {**enums, **{key: _plain_value(value) for key, value in attributes.items() if key in _PLAIN_FIELDS}}


def _hyper_parameters(value: object) -> dict[str, object]:
    parameters = {key: _plain_value(item) for key, item in _mapping(value).items()}
    if _INSTANTIATOR in parameters:
        raise UnsafeCheckpoint("the hyper-parameters name a function for lightning to call")
    return parameters


def _number(record: object, name: str) -> int:
    """Return the value of a member of pyannote's enum `name`."""
    if isinstance(record, ClassStub) and record.full_name == f"{_TASK}.{name}":
        match record.args:
            case (int(value),):
                return value
    raise UnsafeCheckpoint(f"the specifications have no valid {name}")


def _enum(key: str, value: object) -> Call:
    return Call(function=Global(module=_TASK, name=_ENUMS[key]), args=(value,))


def _mapping(value: object) -> dict[str, object]:
    if not isinstance(value, dict) or not all(type(key) is str for key in value):
        raise UnsafeCheckpoint("the checkpoint lacks a required dict with string keys")
    return dict(value)


def _plain_value(value: object) -> object:
    """Return the value with exact built-in types, as `write_checkpoint` requires."""
    if isinstance(value, TensorView):
        return value.tensor()
    if type(value) is list:
        return [_plain_value(item) for item in value]
    if type(value) is tuple:
        return tuple(_plain_value(item) for item in value)
    if isinstance(value, dict):
        return {_scalar(key): _plain_value(item) for key, item in value.items()}
    return _scalar(value)


def _key(key: object) -> str:
    if type(key) is not str:
        raise UnsafeCheckpoint("a key of the checkpoint is not a string")
    return key


def _scalar(value: object) -> object:
    if type(value) not in _SCALARS:
        raise UnsafeCheckpoint(f"a checkpoint cannot hold a {type(value).__name__}")
    return value


def _require_written_opcodes(pickled: bytes) -> None:
    """Refuse opcodes that `writer.py` never writes, such as memos, with which few bytes describe a huge structure."""
    with translate_pickle_errors():
        if any(opcode.name not in WRITTEN_OPCODES for opcode, _, _ in pickletools.genops(io.BytesIO(pickled))):
            raise _not_clean()


def _not_clean() -> UnsafeCheckpoint:
    hint = "build a new version: cache build rewrites every checkpoint"
    return UnsafeCheckpoint("cache build did not write this checkpoint", hint=hint)
