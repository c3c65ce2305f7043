"""The conversions a request can name: foreign checkpoint bytes in, clean pyannote checkpoint bytes out.

What comes out holds weights, hyper-parameters and pyannote's own `Specifications`: no optimizer state, no callbacks,
no paths of the machine a model was trained on, no class of anybody else.
"""

from collections.abc import Callable

from diarize_runner.cache.checkpoint.inert import Record
from diarize_runner.cache.checkpoint.reader import Tensor, read_checkpoint, tensors
from diarize_runner.cache.checkpoint.writer import Call, Global, Instance, write_checkpoint
from diarize_runner.errors import UnsafeCheckpoint

_TASK = "pyannote.audio.core.task"
_LEGACY_PYANNOTE = frozenset(
    {
        "collections.defaultdict",
        "omegaconf.base.ContainerMetadata",
        "omegaconf.base.Metadata",
        "omegaconf.listconfig.ListConfig",
        "omegaconf.nodes.AnyNode",
        "pyannote.audio.core.model.Introspection",
        f"{_TASK}.Problem",
        f"{_TASK}.Resolution",
        f"{_TASK}.Specifications",
        "torch.torch_version.TorchVersion",
        "typing.Any",
    }
)
"""What pyannote.audio 2 checkpoints name, trained under torch 1.10 and pytorch-lightning 1.5."""

_REPRESENTATION, _CHUNK = 3, 2
"""pyannote's Problem.REPRESENTATION and Resolution.CHUNK."""


def pyannote_segmentation(data: bytes) -> bytes:
    """Keep the weights, hyper-parameters and specification of a pyannote segmentation model."""
    checkpoint = read_checkpoint(data, allowed=_LEGACY_PYANNOTE)
    described = _mapping(checkpoint.get("pyannote.audio"))
    architecture = _mapping(described.get("architecture"))
    if architecture != {"module": "pyannote.audio.models.segmentation.PyanNet", "class": "PyanNet"}:
        raise UnsafeCheckpoint("the checkpoint is not of a PyanNet")
    return _pyannote_checkpoint(
        architecture=architecture,
        specifications=_specifications(described.get("specifications")),
        hyper_parameters=_mapping(checkpoint.get("hyper_parameters")),
        state=tensors(checkpoint.get("state_dict")),
    )


def ge2e_encoder(data: bytes) -> bytes:
    """Keep the encoder's own weights of a Resemblyzer checkpoint; what scaled its training loss stays behind."""
    checkpoint = read_checkpoint(data, allowed=())
    state = _mapping(checkpoint.get("model_state"))
    encoder = {name: view for name, view in state.items() if not name.startswith("similarity_")}
    return _pyannote_checkpoint(
        architecture={"module": "diarize_runner.diarization.ge2e", "class": "GE2EEncoder"},
        specifications={
            "problem": _enum("Problem", _REPRESENTATION),
            "resolution": _enum("Resolution", _CHUNK),
            "duration": 1.6,
        },
        hyper_parameters={"sample_rate": 16000, "num_channels": 1},
        state=tensors(encoder),
    )


CONVERSIONS: dict[str, Callable[[bytes], bytes]] = {
    "pyannote-segmentation": pyannote_segmentation,
    "ge2e-encoder": ge2e_encoder,
}


def _pyannote_checkpoint(
    *,
    architecture: dict[str, object],
    specifications: dict[str, object],
    hyper_parameters: dict[str, object],
    state: dict[str, Tensor],
) -> bytes:
    """Lay out what pyannote's `Model.from_pretrained` and lightning's `load_from_checkpoint` look for."""
    return write_checkpoint(
        {
            "state_dict": state,
            "hparams_name": "kwargs",
            "hyper_parameters": hyper_parameters,
            "pytorch-lightning_version": "2.0.0",
            "epoch": 0,
            "global_step": 0,
            "pyannote.audio": {
                "versions": {"pyannote.audio": "4.0.0"},
                "architecture": architecture,
                "specifications": Instance(of=Global(module=_TASK, name="Specifications"), attributes=specifications),
            },
        }
    )


def _specifications(record: object) -> dict[str, object]:
    if not isinstance(record, Record):
        raise UnsafeCheckpoint("the checkpoint has no specification")
    attributes = _mapping(record.state)
    problem, resolution = attributes.pop("problem", None), attributes.pop("resolution", None)
    enums = {"problem": _enum_of(problem, "Problem"), "resolution": _enum_of(resolution, "Resolution")}
    return {**enums, **attributes}


def _enum_of(record: object, name: str) -> Call:
    if not isinstance(record, Record) or len(record.args) != 1 or not isinstance(record.args[0], int):
        raise UnsafeCheckpoint(f"the specification has no {name}")
    return _enum(name, record.args[0])


def _enum(name: str, value: int) -> Call:
    return Call(function=Global(module=_TASK, name=name), args=(value,))


def _mapping(value: object) -> dict[str, object]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise UnsafeCheckpoint("the checkpoint lacks a part that its kind has")
    return dict(value)
