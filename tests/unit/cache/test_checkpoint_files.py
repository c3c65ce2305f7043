"""The reader and writer of checkpoints agree with torch, and the reader runs no code."""

import io
import os
import pickle
import resource
import struct
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.checkpoints import as_stream, as_zip, saved, tensor_pickle
from support.processes import finished, start

from diarize_runner.cache.checkpoint import reader
from diarize_runner.cache.checkpoint.reader import read_checkpoint, tensors
from diarize_runner.cache.checkpoint.restricted_unpickler import ClassStub
from diarize_runner.cache.checkpoint.tensor import Tensor
from diarize_runner.cache.checkpoint.writer import Call, Global, Instance, write_checkpoint
from diarize_runner.errors import UnsafeCheckpoint

FORMATS = {"zip": False, "stream": True}


def tensor(values, shape):
    return Tensor(shape=shape, data=torch.tensor(values, dtype=torch.float32).numpy().tobytes())


def read_state(data, *, allowed=()):
    return tensors(read_checkpoint(data, allowed=allowed)["state"])


def to_torch(read):
    """Convert a float tensor that was read to torch."""
    return torch.tensor([value for (value,) in struct.iter_unpack("<f", read.data)]).reshape(read.shape)


WRITTEN = {
    "state": {
        "matrix": tensor([1, 2, 3, 4, 5, 6], (2, 3)),
        "cube": tensor(range(24), (2, 3, 4)),
        "scalar": tensor([7.5], ()),
        "vector": tensor([-0.0, float("inf"), 1e-45], (3,)),
        "deep": tensor([1, 2], (1, 2, 1, 1)),
    },
    "text": "ünïcode",
    "numbers": [0, 1, -1, 2**31 - 1, -(2**31), 2**31, -(2**63), 2**200, 1.5, float("-inf")],
    "flags": (True, False, None),
    "nested": {"list": [[], [1, [2]]], "tuple": ((), (1,), (1, 2, 3, 4)), "dict": {}},
    "long": "x" * 100_000,
}


def test_torch_loads_what_was_written():
    loaded = torch.load(io.BytesIO(write_checkpoint(WRITTEN)), weights_only=False)

    assert list(loaded) == list(WRITTEN)
    for name in set(WRITTEN) - {"state"}:
        assert loaded[name] == WRITTEN[name]
    for name, expected in WRITTEN["state"].items():
        read = loaded["state"][name]
        assert (read.dtype, tuple(read.shape), read.requires_grad) == (torch.float32, expected.shape, False)
        assert read.numpy().tobytes() == expected.data


def test_torch_loads_what_was_written_with_weights_only():
    loaded = torch.load(io.BytesIO(write_checkpoint({"state": WRITTEN["state"]})), weights_only=True)

    assert torch.equal(loaded["state"]["cube"], torch.arange(24.0).reshape(2, 3, 4))


def test_reading_returns_what_was_written():
    checkpoint = read_checkpoint(write_checkpoint(WRITTEN), allowed=())

    assert tensors(checkpoint.pop("state")) == WRITTEN["state"]
    assert checkpoint == {name: WRITTEN[name] for name in WRITTEN if name != "state"}


def test_writing_twice_gives_the_same_bytes():
    assert write_checkpoint(WRITTEN) == write_checkpoint(WRITTEN)


def test_torch_makes_the_objects_and_calls_that_were_written():
    checkpoint = {
        "fraction": Call(function=Global(module="fractions", name="Fraction"), args=(3, 6)),
        "file": Instance(class_=Global(module="types", name="SimpleNamespace"), attributes={"name": "x", "size": 3}),
        "kind": Global(module="decimal", name="Decimal"),
    }

    loaded = torch.load(io.BytesIO(write_checkpoint(checkpoint)), weights_only=False)

    assert str(loaded["fraction"]) == "1/2"
    assert vars(loaded["file"]) == {"name": "x", "size": 3}
    assert loaded["kind"].__name__ == "Decimal"


@pytest.mark.parametrize(
    "value", [b"bytes", {1, 2}, object(), torch.zeros(1), ClassStub()], ids=lambda v: type(v).__name__
)
def test_writing_an_unsupported_type_is_refused(value):
    with pytest.raises(UnsafeCheckpoint, match=f"^a checkpoint cannot hold a {type(value).__name__}$"):
        write_checkpoint({"odd": [value]})


VALUES_BY_DTYPE = {
    torch.float32: [1.5, -0.0, float("inf")],
    torch.float64: [1e300, -1.0],
    torch.float16: [1.5, 65504.0],
    torch.bfloat16: [1.5, -2.0],
    torch.int64: [2**62, -1, 0],
    torch.int32: [2**30, -1],
    torch.int16: [-(2**15), 7],
    torch.int8: [-128, 127],
    torch.uint8: [0, 255],
    torch.bool: [True, False, True],
}


@pytest.mark.parametrize("legacy", FORMATS.values(), ids=list(FORMATS))
@pytest.mark.parametrize("dtype", VALUES_BY_DTYPE, ids=str)
def test_every_dtype_is_read_and_written_as_torch_does(dtype, legacy):
    saved_tensor = torch.tensor([0, *VALUES_BY_DTYPE[dtype]], dtype=dtype)[1:]

    read = read_state(saved({"state": {"numbers": saved_tensor}}, legacy=legacy))
    loaded = torch.load(io.BytesIO(write_checkpoint({"state": read})), weights_only=True)["state"]["numbers"]

    assert loaded.dtype == dtype
    assert torch.equal(loaded, saved_tensor)


SHARED = torch.arange(40.0)
SAVED = {
    "plain": torch.arange(6.0).reshape(2, 3),
    "scalar": torch.tensor(3.5),
    "no elements": torch.zeros(3, 0),
    "no rows": torch.zeros(0, 3),
    "first part": SHARED[:4],
    "middle part": SHARED[7:19].view(3, 4),
    "last part": SHARED[36:],
    "the whole": SHARED,
    "a row of one": torch.arange(5.0).reshape(5, 1).t(),
    "a column of one": torch.arange(10.0).reshape(5, 2)[3:4],
    "a parameter's data": torch.nn.Linear(3, 2).weight.data,
    "transposed and contiguous": torch.arange(6.0).reshape(2, 3).t().contiguous(),
    "negative": -torch.arange(4.0),
}


@pytest.mark.parametrize("legacy", FORMATS.values(), ids=list(FORMATS))
def test_tensors_that_torch_saved_are_read_with_equal_values(legacy):
    state = read_state(saved({"state": SAVED}, legacy=legacy))

    assert list(state) == list(SAVED)
    for name, expected in SAVED.items():
        assert state[name].shape == tuple(expected.shape), name
        assert torch.equal(to_torch(state[name]), expected), name


@pytest.mark.parametrize("legacy", FORMATS.values(), ids=list(FORMATS))
def test_a_modules_state_dict_is_read_with_equal_values(legacy):
    module = torch.nn.LSTM(4, 3, num_layers=2, bidirectional=True)

    state = read_state(saved({"state": module.state_dict()}, legacy=legacy))

    assert list(state) == list(module.state_dict())
    for name, expected in module.state_dict().items():
        assert torch.equal(to_torch(state[name]), expected)


@pytest.mark.parametrize("legacy", FORMATS.values(), ids=list(FORMATS))
def test_plain_values_are_read(legacy):
    plain = {"epoch": 3, "names": ["a", "b"], "nested": {"rate": 0.5, "none": None, "on": True, "big": 2**70}}

    assert read_checkpoint(saved(plain, legacy=legacy), allowed=()) == plain


REFUSED_TENSORS = {
    "transposed": (torch.arange(6.0).reshape(2, 3).t(), "of shape (3, 2) is not contiguous"),
    "every other": (torch.arange(6.0)[::2], "of shape (3,) is not contiguous"),
    "repeated": (torch.arange(3.0).expand(2, 3), "of shape (2, 3) is not contiguous"),
    "a column": (torch.arange(6.0).reshape(2, 3)[:, :1], "of shape (2, 1) is not contiguous"),
    "complex": (
        torch.zeros(2, dtype=torch.complex64),
        "a storage has the unsupported type 'ComplexFloatStorage', or a malformed size",
    ),
}


@pytest.mark.parametrize("legacy", FORMATS.values(), ids=list(FORMATS))
@pytest.mark.parametrize("kind", REFUSED_TENSORS)
def test_a_tensor_that_is_not_contiguous_or_of_an_unsupported_dtype_is_refused(kind, legacy):
    refused, ending = REFUSED_TENSORS[kind]

    with pytest.raises(UnsafeCheckpoint) as refusal:
        read_state(saved({"state": {"weight": refused}}, legacy=legacy))

    assert refusal.value.message.endswith(ending)


STORAGE = torch.arange(6.0).numpy().tobytes()
MALFORMED_TENSORS = {
    "one element too far": {"shape": (7,), "stride": (1,)},
    "offset too far": {"offset": 1},
    "negative offset": {"offset": -1},
    "offset that is text": {"offset": "0"},
    "negative shape": {"shape": (-1, -6), "stride": (-6, 1)},
    "shape that is text": {"shape": ("2", "3")},
    "shape that is a number": {"shape": 6, "stride": 1},
    "shape of 2**80 elements": {"shape": (2**40, 2**40), "stride": (2**40, 1)},
    "strides of another shape": {"stride": (1,)},
    "strides that are text": {"stride": ("3", "1")},
    "a missing storage": {"key": "7"},
    "a path as the storage key": {"key": "../version"},
    "a storage of an unsupported type": {"kind": "UntypedStorage"},
    "elements that are text": {"elements": "6"},
}


@pytest.mark.parametrize("change", MALFORMED_TENSORS.values(), ids=list(MALFORMED_TENSORS))
def test_a_malformed_tensor_is_refused(change):
    assert torch.equal(to_torch(read_state(as_zip(tensor_pickle(), [STORAGE]))["weight"]), torch.arange(6.0).view(2, 3))

    with pytest.raises(UnsafeCheckpoint):
        read_state(as_zip(tensor_pickle(**change), [STORAGE]))


def test_a_storage_that_is_a_view_of_another_is_refused():
    """torch before 0.4 saved such storages; read as a whole storage, the values would be wrong."""
    pickled = tensor_pickle().replace(b"tQ", b"(U\x010K\x02K\x06ttQ")

    with pytest.raises(
        UnsafeCheckpoint, match=r"^a storage is a view of another storage, which torch no longer writes$"
    ):
        read_state(as_zip(pickled, [STORAGE]))


def test_a_tensor_without_a_storage_is_refused():
    on_text = b"\x80\x02}U\x05state}U\x01wctorch._utils\n_rebuild_tensor_v2\n(U\x01xK\x00(K\x01t(K\x01t\x89}tRss."

    with pytest.raises(UnsafeCheckpoint):
        read_state(as_zip(on_text))


def evil_global(command):
    return b"cposix\nsystem\n(U" + bytes([len(command)]) + command + b"tR."


def evil_global_text_protocol(command):
    return b"cos\nsystem\n(S'" + command + b"'\ntR."


def evil_instance(command):
    return b"(S'" + command + b"'\nios\nsystem\n."


def evil_eval(command):
    return pickle.dumps(Evil(eval, f"__import__('os').system({command.decode()!r})"), 2)


def evil_stack_global(command):
    return pickle.dumps(Evil(os.system, command.decode()), 4)


def evil_eval_stack_global(command):
    return pickle.dumps(Evil(eval, f"__import__('os').system({command.decode()!r})"), 5)


def evil_process(command):
    return b"\x80\x02csubprocess\nPopen\n(](U\x02shU\x02-cU" + bytes([len(command)]) + command + b"etR."


def evil_by_attribute(command):
    return b"\x80\x04\x8c\x05torch\x8c\x17serialization.os.system\x93(\x8c" + bytes([len(command)]) + command + b"tR."


class Evil:
    def __init__(self, call, *arguments):
        self.call, self.arguments = call, arguments

    def __reduce__(self):
        return self.call, self.arguments


EVIL = {
    evil_global: "posix.system",
    evil_global_text_protocol: "os.system",
    evil_instance: "os.system",
    evil_eval: "__builtin__.eval",
    evil_stack_global: "posix.system",
    evil_eval_stack_global: "builtins.eval",
    evil_process: "subprocess.Popen",
    evil_by_attribute: "torch.serialization.os.system",
}


@pytest.mark.parametrize("wrap", [as_zip, as_stream])
@pytest.mark.parametrize("make", EVIL, ids=lambda make: make.__name__)
def test_a_pickle_that_runs_code_is_refused_with_the_name_and_runs_nothing(make, wrap, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pickled = make(b"touch ran")
    ran = pickle.loads(pickled)
    if hasattr(ran, "wait"):
        ran.wait()
    assert Path("ran").exists(), "unpickling it runs the command"
    Path("ran").unlink()

    with pytest.raises(UnsafeCheckpoint) as refusal:
        read_checkpoint(wrap(pickled), allowed=["collections.defaultdict"])

    assert refusal.value.message == f"the checkpoint's pickle refers to {EVIL[make]}, which is not on the allowlist"
    assert refusal.value.hint.startswith("do not load it")
    assert not Path("ran").exists()


def test_a_pickle_that_runs_code_in_the_preamble_of_a_stream_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UnsafeCheckpoint, match=r"refers to posix.system, which is not on the allowlist$"):
        read_checkpoint(evil_global(b"touch ran"), allowed=())

    assert not Path("ran").exists()


def test_an_allowlisted_class_is_never_imported_or_called(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "trap.py").write_text("open('ran', 'w')\nclass Trap: pass\n")
    pickled = b"\x80\x02}U\x04trapctrap\nTrap\n(K\x01tR}U\x01aK\x02sbs."

    checkpoint = read_checkpoint(as_zip(pickled), allowed=["trap.Trap"])

    assert (checkpoint["trap"].args, checkpoint["trap"].state) == ((1,), {"a": 2})
    assert not Path("ran").exists()
    pickle.loads(pickled.replace(b"(K\x01t", b"(t"))
    assert Path("ran").exists()


def test_a_pickle_cannot_change_the_reader():
    rewire = b"ctorch._utils\n_rebuild_tensor_v2\n(N}U\x0c__defaults__(K\x07tstb0"
    before = (reader._rebuild.__defaults__, dict(vars(reader._rebuild)))

    with suppress(UnsafeCheckpoint):
        read_checkpoint(as_zip(b"\x80\x02" + rewire + b"}."), allowed=())

    assert (reader._rebuild.__defaults__, vars(reader._rebuild)) == before


def test_pickled_attributes_of_a_dict_are_dropped():
    with_items = b"\x80\x02}U\x05stateccollections\nOrderedDict\n)R}U\x05itemsU\x01xsbs."

    assert read_state(as_zip(with_items)) == {}


def test_a_high_memo_index_is_refused_before_it_allocates_memory():
    """The unpickler in C allocates a table as large as the highest memo index."""
    for memo in (b"r\xff\xff\xff\x7f", b"p2147483647\n"):

        def attempt(memo=memo):
            resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
            with pytest.raises(UnsafeCheckpoint):
                read_checkpoint(as_zip(b"\x80\x02}" + memo + b"."), allowed=())

        assert finished(start(attempt))


NOT_CHECKPOINTS = {
    "empty": b"",
    "text": b"hello",
    "an HTML page": b"<!DOCTYPE html>",
    "a pickle of a list": pickle.dumps([1, 2, 3]),
    "a stream with another magic number": pickle.dumps(1) * 3,
    "a stream that is not a dict": as_stream(pickle.dumps([1], 2), pickle.dumps([], 2)),
    "a stream without its storages": as_stream(pickle.dumps({}, 2)),
    "a stream that lists an unused storage": as_stream(pickle.dumps({}, 2), pickle.dumps(["1"], 2) + bytes(8)),
    "a stream whose storage is truncated": as_stream(tensor_pickle(), pickle.dumps(["0"], 2) + b"\6\0\0"),
    "a stream whose storage has a negative size": as_stream(tensor_pickle(), pickle.dumps(["0"], 2) + b"\xff" * 8),
    "a stream whose storage exceeds memory": as_stream(tensor_pickle(), pickle.dumps(["0"], 2) + b"\xff" * 7 + b"\x7f"),
    "a zip without a pickle": as_zip(b"")[:0] + b"PK\x05\x06" + bytes(18),
    "a zip whose pickle is truncated": as_zip(b"\x80\x02}"),
    "a zip that is not a dict": as_zip(pickle.dumps([1], 2)),
    "a list that contains itself": as_zip(b"\x80\x02]q\x00h\x00a."),
    "deeply nested lists": as_zip(b"\x80\x02" + b"]" * 5000 + b"a" * 4999 + b"."),
    "a reference to deeply nested lists": as_zip(b"\x80\x02" + b"]" * 5000 + b"a" * 4999 + b"Q."),
    "a reference to text": as_zip(b"\x80\x02U\x01xQ."),
    "an extension": as_zip(b"\x80\x02\x82\x01."),
    "a frame beyond the end": as_zip(b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xffN."),
    "text beyond the end": as_zip(b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7fx."),
    "bytes out of band": as_zip(b"\x80\x05\x97."),
}


@pytest.mark.parametrize("data", NOT_CHECKPOINTS.values(), ids=list(NOT_CHECKPOINTS))
def test_a_file_that_is_not_a_checkpoint_is_refused(data):
    with pytest.raises(UnsafeCheckpoint):
        read_state(data)


SMALL = {"state": {"weight": torch.arange(6.0).view(2, 3), "bias": torch.arange(8.0)[2:5]}, "epoch": 1, "name": "x"}
SMALL_FILES = {
    "written here": write_checkpoint({"state": {"weight": tensor(range(6), (2, 3))}, "epoch": 1}),
    "torch's zip": saved(SMALL),
    "torch's stream": saved(SMALL, legacy=True),
}


def is_refused(data):
    """Whether the reader refuses a checkpoint; any other exception fails the test."""
    try:
        tensors(read_checkpoint(data, allowed=()).get("state", {}))
    except UnsafeCheckpoint:
        return True
    return False


@pytest.mark.parametrize("data", SMALL_FILES.values(), ids=list(SMALL_FILES))
def test_a_truncated_checkpoint_is_refused(data):
    assert not is_refused(data)

    for length in range(len(data)):
        assert is_refused(data[:length]), length


@pytest.mark.long
@pytest.mark.parametrize("data", SMALL_FILES.values(), ids=list(SMALL_FILES))
def test_a_checkpoint_with_a_flipped_bit_is_read_or_refused(data):
    refused = 0
    for place in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        refused += is_refused(bytes(flipped))

    assert refused


@given(garbage=st.binary(max_size=200), wrap=st.sampled_from([bytes, as_zip, as_stream]))
def test_random_bytes_are_refused(garbage, wrap):
    is_refused(wrap(garbage))


OPCODES = [bytes([opcode]) for opcode in pickle._Unpickler.dispatch] + [b"\0", b"\1", b"x", b"1\n"]
"""Every opcode, and some arguments."""


@settings(max_examples=300)
@given(st.lists(st.sampled_from(OPCODES), max_size=30))
def test_opcodes_in_any_order_are_read_or_refused(opcodes):
    is_refused(as_zip(b"\x80\x04}" + b"".join(opcodes) + b"."))
