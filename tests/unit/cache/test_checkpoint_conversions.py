"""A converted checkpoint holds only the weights and the model description."""

import io
import pickletools
import struct
import zipfile

import pytest
from support.caches import noise

from diarize_runner.cache.checkpoint.convert import CONVERSIONS
from diarize_runner.cache.checkpoint.reader import read_checkpoint, tensors
from diarize_runner.cache.checkpoint.restricted_unpickler import ClassStub
from diarize_runner.cache.checkpoint.rewrite import rewrite
from diarize_runner.cache.checkpoint.tensor import Tensor
from diarize_runner.cache.checkpoint.writer import Call, Global, Instance, write_checkpoint
from diarize_runner.errors import UnsafeCheckpoint

TASK = "pyannote.audio.core.task"
SPECIFICATION_CLASSES = {f"{TASK}.{name}" for name in ("Specifications", "Problem", "Resolution")}
ALLOWED_NAMES = SPECIFICATION_CLASSES | {
    "collections.OrderedDict",
    "torch._utils._rebuild_tensor_v2",
    "torch.FloatStorage",
}


def convert(conversion, data):
    return rewrite(data, conversion=conversion, allowed=()).data


def weights(seed):
    return Tensor(shape=(4, 5), data=struct.pack("<20f", *noise(20, seed)))


def enum(name, value):
    return Call(function=Global(module=TASK, name=name), args=(value,))


SPECIFICATIONS = {
    "problem": enum("Problem", 2),
    "resolution": enum("Resolution", 1),
    "duration": 5.0,
    "min_duration": None,
    "warm_up": (0.0, 0.0),
    "classes": ["speaker#1", "speaker#2", "speaker#3"],
    "permutation_invariant": True,
}
ARCHITECTURE = {"module": "pyannote.audio.models.segmentation.PyanNet", "class": "PyanNet"}
HYPER_PARAMETERS = {"sincnet": {"stride": 10, "sample_rate": 16000}, "lstm": {"num_layers": 4, "dropout": 0.5}}
STATE = {"sincnet.weight": weights(1), "lstm.weight": weights(2)}
OBJECT = Instance(class_=Global(module="omegaconf.listconfig", name="ListConfig"), attributes={"path": "/home/trainer"})


def make_specifications(attributes):
    return Instance(class_=Global(module=TASK, name="Specifications"), attributes=attributes)


def segmentation(**changes):
    """Return a segmentation checkpoint that still has its training state."""
    description = {
        "architecture": ARCHITECTURE,
        "specifications": make_specifications(SPECIFICATIONS),
        "versions": {"torch": "1.10"},
    }
    parts = {
        "epoch": 7,
        "state_dict": STATE,
        "hyper_parameters": HYPER_PARAMETERS,
        "pyannote.audio": {**description, **changes.pop("pyannote", {})},
        "optimizer_states": [{"lr": 0.1, "momentum": weights(3)}],
        "callbacks": {"dirpath": "/home/trainer/checkpoints", "config": OBJECT},
    }
    return write_checkpoint({**parts, **changes})


BATCHES = Tensor(shape=(), data=struct.pack("<q", 7), storage="LongStorage")
ENCODER_STATE = {"head.conv1.weight": weights(1), "head.bn1.num_batches_tracked": BATCHES}


def encoder(**changes):
    """Return a CAM++ checkpoint: a state dict and nothing else."""
    return write_checkpoint({**ENCODER_STATE, **changes})


def names_in(data):
    """Return every name in the pickle of a checkpoint."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        pickled = archive.read("archive/data.pkl")
    return {
        str(argument).replace(" ", ".")
        for opcode, argument, _ in pickletools.genops(pickled)
        if opcode.name == "GLOBAL"
    }


VALID = {"pyannote-segmentation": segmentation(), "campplus-encoder": encoder()}
KEPT = {
    "pyannote-segmentation": (STATE, ALLOWED_NAMES),
    "campplus-encoder": (
        {f"network.{name}": tensor for name, tensor in ENCODER_STATE.items()},
        ALLOWED_NAMES | {"torch.LongStorage"},
    ),
}
"""By conversion, the weights and names of its result."""


@pytest.mark.parametrize("conversion", CONVERSIONS)
def test_a_converted_checkpoint_holds_the_weights_and_names_only_torchs_and_pyannotes_classes(conversion):
    converted = convert(conversion, VALID[conversion])

    checkpoint = read_checkpoint(converted, allowed=SPECIFICATION_CLASSES)
    state, names = KEPT[conversion]
    assert tensors(checkpoint["state_dict"]) == state
    assert names_in(converted) == names
    for dropped in (b"trainer", b"optimizer", b"omegaconf"):
        assert dropped not in converted


@pytest.mark.parametrize("conversion", CONVERSIONS)
def test_a_conversion_gives_the_same_bytes_twice(conversion):
    assert convert(conversion, VALID[conversion]) == convert(conversion, VALID[conversion])


def test_a_segmentation_model_keeps_its_architecture_hyper_parameters_and_specifications():
    checkpoint = read_checkpoint(convert("pyannote-segmentation", segmentation()), allowed=SPECIFICATION_CLASSES)

    description = checkpoint["pyannote.audio"]
    attributes = description["specifications"].state
    problem, resolution = attributes.pop("problem"), attributes.pop("resolution")
    assert (type(problem).__name__, problem.args, type(resolution).__name__, resolution.args) == (
        "Problem",
        (2,),
        "Resolution",
        (1,),
    )
    assert attributes == {name: SPECIFICATIONS[name] for name in attributes}
    assert set(attributes) == set(SPECIFICATIONS) - {"problem", "resolution"}
    assert description["architecture"] == ARCHITECTURE
    assert checkpoint["hyper_parameters"] == HYPER_PARAMETERS


def test_a_converted_encoder_names_the_class_that_loads_it():
    checkpoint = read_checkpoint(convert("campplus-encoder", encoder()), allowed=SPECIFICATION_CLASSES)

    description = checkpoint["pyannote.audio"]
    assert description["architecture"] == {"module": "diarize_runner.diarization.campplus", "class": "CAMPlusPlus"}
    assert description["specifications"].state["duration"] == 3.0
    assert checkpoint["hyper_parameters"] == {"sample_rate": 16000, "num_channels": 1}


def without(mapping, key):
    return {name: value for name, value in mapping.items() if name != key}


def uninitialised(name):
    """Return an object without arguments and attributes."""
    return Instance(class_=Global(module=TASK, name=name), attributes={})


MALFORMED_SEGMENTATIONS = {
    "another architecture": {"pyannote": {"architecture": {**ARCHITECTURE, "class": "SSeRiouSS"}}},
    "an architecture of another module": {"pyannote": {"architecture": {**ARCHITECTURE, "module": "os"}}},
    "an architecture that is an object": {"pyannote": {"architecture": OBJECT}},
    "no specifications": {"pyannote": {"specifications": None}},
    "specifications without a problem": {
        "pyannote": {"specifications": make_specifications(without(SPECIFICATIONS, "problem"))}
    },
    "specifications without a resolution": {
        "pyannote": {"specifications": make_specifications(without(SPECIFICATIONS, "resolution"))}
    },
    "a string as problem": {"pyannote": {"specifications": make_specifications({**SPECIFICATIONS, "problem": "x"})}},
    "an uninitialised problem": {
        "pyannote": {"specifications": make_specifications({**SPECIFICATIONS, "problem": uninitialised("Problem")})}
    },
    "a problem with two arguments": {
        "pyannote": {
            "specifications": make_specifications(
                {**SPECIFICATIONS, "problem": Call(function=Global(module=TASK, name="Problem"), args=(1, 2))}
            )
        }
    },
    "specifications with an object": {
        "pyannote": {"specifications": make_specifications({**SPECIFICATIONS, "classes": OBJECT})}
    },
    "no pyannote.audio entry": {"pyannote.audio": None},
    "no weights": {"state_dict": None},
    "strings as weights": {"state_dict": {"weight": "1.0"}},
    "weights with int keys": {"state_dict": {1: weights(1)}},
    "hyper-parameters with an object": {"hyper_parameters": {"config": OBJECT}},
    "hyper-parameters with int keys": {"hyper_parameters": {1: 2}},
    "a list of hyper-parameters": {"hyper_parameters": [1]},
}


@pytest.mark.parametrize("changes", MALFORMED_SEGMENTATIONS.values(), ids=list(MALFORMED_SEGMENTATIONS))
def test_a_checkpoint_of_another_model_than_segmentation_is_refused(changes):
    with pytest.raises(UnsafeCheckpoint):
        convert("pyannote-segmentation", segmentation(**{**changes, "pyannote": dict(changes.get("pyannote", {}))}))


@pytest.mark.parametrize("changes", [{"epoch": 7}, {"state_dict": {"a": weights(1)}}, {"head.bn1.weight": None}])
def test_a_checkpoint_that_is_more_than_a_state_dict_is_refused_as_encoder(changes):
    with pytest.raises(UnsafeCheckpoint, match="the state dict has an entry that is not a named tensor"):
        convert("campplus-encoder", encoder(**changes))


@pytest.mark.parametrize("conversion", CONVERSIONS)
def test_a_checkpoint_with_a_flipped_bit_is_converted_or_refused(conversion):
    refused = 0
    data = VALID[conversion]
    for index in range(len(data)):
        flipped = bytearray(data)
        flipped[index] ^= 1 << index % 8
        try:
            convert(conversion, bytes(flipped))
        except UnsafeCheckpoint:
            refused += 1

    assert refused


def test_an_uninitialised_class_stub_is_empty():
    stub = ClassStub.__new__(ClassStub)

    assert (stub.args, stub.state) == ((), None)
