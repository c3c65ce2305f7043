"""Mutate checkpoints, and compare the checks with torch, in a process that reports its actions and blocks them."""

import json
import random
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from support.command import ROOT
from support.pickles import NAMED, as_stream, text, zipped

from diarize_runner.cache.checkpoint.clean import PlainValues, PyannoteModel, read_clean
from diarize_runner.cache.checkpoint.rewrite import rewrite
from diarize_runner.cache.checkpoint.tensor import Tensor
from diarize_runner.errors import UnsafeCheckpoint

HARMLESS_EVENTS = {
    "pickle.find_class collections.OrderedDict",
    "pickle.find_class torch._utils._rebuild_tensor_v2",
    *(f"pickle.find_class pyannote.audio.core.task.{name}" for name in ("Specifications", "Problem", "Resolution")),
}
"""The audit events of loading a clean checkpoint."""

_WEIGHT = Tensor(shape=(2, 3), data=bytes(24))
_MODEL = PyannoteModel(
    module="pyannote.audio.models.segmentation.PyanNet",
    class_name="PyanNet",
    specifications={"problem": 1, "resolution": 1, "duration": 5.0, "classes": ["a"], "warm_up": (0.0, 0.0)},
    hyper_parameters={"sample_rate": 16000},
    state={"weight": _WEIGHT, "count": Tensor(shape=(), data=bytes(8), storage="LongStorage")},
)
_PLAIN = PlainValues(values={"epoch": 1, "names": ["a", ("b", None, True)], "rate": 0.5, "weight": _WEIGHT})
_REFERENCES = [
    b"\x80\x02}(" + text("a") + b"(" + text("module") + b"cposix\nsystem\nNNtQu.",
    b"\x80\x02(" + text("storage") + b"cposix\nsystem\n" + text("0") + text("cpu") + b"K\x01tQ.",
    b"\x80\x02}" + text("a") + b"cpyannote.audio.core.task\nSpecifications\n(N}" + text("x") + b"K\x01stbs.",
]
_OPCODES = b"()]}NQRSTUVXabcdehijlopqrst0123\x80\x81\x85\x86\x87\x88\x89\x8c\x93\x94"

CHILD = """
import io, json, struct, sys, types
import torch

task = types.ModuleType("pyannote.audio.core.task")
for name in ("Specifications", "Problem", "Resolution"):
    setattr(task, name, type(name, (), {"__init__": lambda self, *args: None}))
for name in ("pyannote", "pyannote.audio", "pyannote.audio.core"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["pyannote.audio.core.task"] = task

import resource
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30),) * 2)  # a high memo index allocates all memory
harmless, seen, loading = set(json.loads(sys.argv[1])), [], False
QUIET = {"object.__getattr__", "object.__setattr__", "marshal.loads", "sys._getframe", "builtins.id", "array.__new__"}

def hook(event, args):
    if not loading or event in QUIET:
        return
    name = f"{event} {args[0]}.{args[1]}" if event == "pickle.find_class" else event
    seen.append(name)
    if name not in harmless:
        raise RuntimeError("refused")

def load(data):
    global loading
    seen.clear()
    loading = True
    try:
        torch.load(io.BytesIO(data), weights_only=False)
    except BaseException:
        pass
    finally:
        loading = False
    return sorted(set(seen))

def cases():
    while header := sys.stdin.buffer.read(4):
        yield sys.stdin.buffer.read(struct.unpack("<I", header)[0])

import warnings
warnings.simplefilter("ignore")
for number, data in enumerate(cases()):
    if number == 3:  # by then, torch has done the imports of its first load
        sys.addaudithook(hook)
    print(json.dumps(load(data)), flush=True)
"""


@dataclass(kw_only=True)
class Counts:
    """The results for all mutants."""

    mutants: int = 0
    accepted: int = 0
    """By the check of a box, unchanged."""
    rewritten: int = 0
    """By a build."""
    dangerous: int = 0
    """Torch would have raised an audit event that no clean checkpoint raises."""
    passed: int = 0
    """Dangerous mutants that a box accepted, or that were still dangerous after a rewrite."""


def count(mutants: int, seed: int) -> Counts:
    """Run the checks and torch on each mutant, and count the results."""
    counts, rng = Counts(), random.Random(seed)
    with _torch() as dangers:
        for warmup in (_MODEL.to_bytes(), _PLAIN.to_bytes(), as_stream(b"}.")):
            dangers(warmup)
        clean = [dangers(each.to_bytes()) for each in (_MODEL, _PLAIN)]
        assert clean == [set(), set()], "a clean checkpoint raises other events"
        for data in _mutants(rng, mutants):
            counts.mutants += 1
            is_dangerous = bool(dangers(data))
            counts.dangerous += is_dangerous
            with suppress(UnsafeCheckpoint):
                read_clean(data)
                counts.accepted += 1
                counts.passed += is_dangerous
            with suppress(UnsafeCheckpoint):
                rewritten = rewrite(data, conversion=None, allowed=()).data
                counts.rewritten += 1
                read_clean(rewritten)
                counts.passed += bool(dangers(rewritten))
    return counts


@contextmanager
def _torch() -> Iterator:
    """Yield a function that returns torch's audit events for a file, without the harmless ones."""
    command = [sys.executable, "-c", CHILD, json.dumps(sorted(HARMLESS_EVENTS))]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as child:

        def dangers(data: bytes) -> set[str]:
            child.stdin.write(struct.pack("<I", len(data)) + data)
            child.stdin.flush()
            return set(json.loads(child.stdout.readline())) - HARMLESS_EVENTS

        yield dangers
        child.stdin.close()


def _mutants(rng: random.Random, number: int) -> Iterator[bytes]:
    pickles = [*(_pickle_of(each) for each in (_MODEL, _PLAIN) * 6), *_REFERENCES]
    pickles += [make("true") for make in NAMED.values()]
    for _ in range(number):
        mutant = rng.choice(pickles)
        for _ in range(rng.randrange(4)):
            mutant = rng.choice(_MUTATIONS)(rng, mutant, rng.choice(pickles))
        yield _wrapped(mutant) if rng.random() < 0.6 else as_stream(mutant)


def _pickle_of(checkpoint: PlainValues | PyannoteModel) -> bytes:
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(checkpoint.to_bytes())) as archive:
        return archive.read("archive/data.pkl")


def _wrapped(pickled: bytes) -> bytes:
    """Wrap a pickle in a valid zip with the storages of the model."""
    storages = {"archive/data/0": bytes(24), "archive/data/1": bytes(8)}
    return zipped({"archive/data.pkl": pickled, "archive/byteorder": b"little", **storages, "archive/version": b"3\n"})


def _flip(rng: random.Random, data: bytes, _: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def _insert(rng: random.Random, data: bytes, _: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes(rng.choices(_OPCODES, k=rng.randrange(1, 5))) + data[at:]


def _delete(rng: random.Random, data: bytes, _: bytes) -> bytes:
    at = rng.randrange(len(data))
    return (data[:at] + data[at + rng.randrange(1, 8) :]) or b"."


def _splice(rng: random.Random, data: bytes, other: bytes) -> bytes:
    return data[: rng.randrange(len(data)) + 1] + other[rng.randrange(len(other)) :]


def _nest(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Insert the opcodes of `other`."""
    at, inner = rng.randrange(len(data)), other.removeprefix(b"\x80\x02").removesuffix(b".")
    return data[:at] + inner + rng.choice([b"", b"0"]) + data[at:]


_MUTATIONS = (_flip, _insert, _delete, _splice, _nest)
