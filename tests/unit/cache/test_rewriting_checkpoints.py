"""Builds rewrite every checkpoint, boxes refuse any other, and neither runs code from a pickle.

Each attack has a control: torch loads the file, and the attack succeeds.
"""

import io
import json
import pickle
import resource
import types
import zipfile
from collections import OrderedDict, defaultdict
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from support.local_host import LocalHost
from support.pickles import (
    HARMLESS_PICKLE,
    NAMED,
    TWO_READINGS,
    as_stream,
    as_zip,
    at_each_place_of_a_stream,
    call,
    text,
    zipped,
)
from support.references import hides_its_class, patches_a_class, writes_a_patch

from diarize_runner.cache.checkpoint.child import rewrite_file
from diarize_runner.cache.checkpoint.clean import PlainValues, read_clean
from diarize_runner.cache.checkpoint.import_allowlist import classes_of
from diarize_runner.cache.checkpoint.rewrite import rewrite
from diarize_runner.errors import UnsafeCheckpoint

COMMAND = "touch ran"
FORMATS = {"zip": as_zip, "stream": as_stream}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Change to a folder in which the command creates the file `ran`."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rewrite_data(data, allowed=()):
    """Rewrite a checkpoint; assert that nothing ran and that a box accepts the result."""
    rewritten = rewrite(data, conversion=None, allowed=allowed)
    read_clean(rewritten.data)
    assert not Path("ran").exists()
    return rewritten


def refusal(data):
    """Return why rewriting a file is refused; assert that nothing ran and that boxes refuse the file."""
    assert boxes_refuse(data)
    with pytest.raises(UnsafeCheckpoint) as caught:
        rewrite(data, conversion=None, allowed=())
    assert not Path("ran").exists()
    return caught.value.message


def boxes_refuse(data):
    Path("pytorch_model.bin").write_bytes(data)
    with pytest.raises(UnsafeCheckpoint, match=r"^pytorch_model\.bin: "):
        classes_of(Path("pytorch_model.bin"), "pytorch_model.bin")
    return not Path("ran").exists()


def torch_runs(data):
    """Whether torch runs the command when it loads the file with `weights_only=False`, as lightning and pyannote do."""
    with suppress(Exception):
        torch.load(io.BytesIO(data), weights_only=False)
    if not Path("ran").exists():  # torch reads a path and a stream differently
        Path("model.bin").write_bytes(data)
        with suppress(Exception):
            torch.load("model.bin", weights_only=False)
    return Path("ran").exists()


class TestNames:
    """The unpickler finds every name in a pickle, however it is encoded, and runs nothing."""

    @pytest.mark.parametrize("wrap", FORMATS.values(), ids=list(FORMATS))
    @pytest.mark.parametrize("make", NAMED.values(), ids=list(NAMED))
    def test_a_command_is_refused_with_its_name(self, make, wrap):
        data = wrap(make(COMMAND))

        message = refusal(data)

        names = ("posix.system", "torch.serialization.os.system", "_pickle.loads", "functools.partial")
        assert message in [f"the checkpoint's pickle refers to {name}, which is not on the allowlist" for name in names]
        assert torch_runs(data), "the control must succeed"

    @pytest.mark.parametrize("place", at_each_place_of_a_stream(COMMAND))
    def test_a_command_is_refused_in_every_pickle_of_a_stream(self, place):
        data = at_each_place_of_a_stream(COMMAND)[place]

        assert "posix.system" in refusal(data)
        assert torch_runs(data)

    def test_a_name_computed_by_the_pickle_is_refused(self):
        """Only a call can compute a string, and the unpickler makes no call."""
        system = text("builtins") + text("str.join") + b"\x93(" + text("") + b"](" + text("sys") + text("tem") + b"etR"
        data = as_zip(b"\x80\x04" + text("posix") + system + b"\x93(" + text(COMMAND) + b"tR.")

        assert refusal(data)
        assert torch_runs(data), "the control must succeed"


class TestReferences:
    """Persistent ids may only refer to storages, whereas torch returns any object inside one."""

    @pytest.mark.parametrize("make", [patches_a_class, writes_a_patch, hides_its_class], ids=lambda make: make.__name__)
    def test_a_reference_to_a_module_is_refused(self, make):
        attack = make()
        assert attack.works(), "the control must succeed"

        on_a_class = "ClassStub.__setstate__() missing 1 required positional argument: 'state'"
        assert refusal(attack.data) in (
            "a persistent id does not refer to a storage",
            f"malformed or truncated checkpoint: {on_a_class}",
        )


class TestTwoReadings:
    """A file that torch reads differently from this package is refused, or is harmless after rewriting."""

    @pytest.mark.parametrize("make", TWO_READINGS.values(), ids=list(TWO_READINGS))
    def test_a_file_that_hides_a_command_is_harmless_after_rewriting(self, make):
        data = make(COMMAND)
        assert boxes_refuse(data)

        with suppress(UnsafeCheckpoint):
            assert not torch_runs(rewrite_data(data).data)
        assert torch_runs(data), "the control must succeed"

    def test_a_command_in_a_duplicate_member_is_refused(self):
        target = io.BytesIO(as_zip(HARMLESS_PICKLE))
        with zipfile.ZipFile(target, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("archive/data.pkl", call(COMMAND) + b".")

        assert "posix.system" in refusal(target.getvalue())

    def test_a_torchscript_program_is_refused(self):
        target = io.BytesIO()
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), target)

        assert refusal(target.getvalue()) == "the checkpoint is a TorchScript program"

    def test_a_zip_after_a_stream_is_dropped(self):
        stream_then_zip = as_stream(HARMLESS_PICKLE) + as_zip(call(COMMAND) + b".")
        assert zipfile.is_zipfile(io.BytesIO(stream_then_zip))
        assert boxes_refuse(stream_then_zip)

        assert b"system" not in rewrite_data(stream_then_zip).data

    def test_a_pickle_before_a_zip_is_refused(self):
        evil_then_zip = call(COMMAND) + b"." + as_zip(HARMLESS_PICKLE)

        assert refusal(evil_then_zip)
        assert torch_runs(evil_then_zip)


class TestClean:
    """A box accepts only files whose every byte this package wrote."""

    VALUES = PlainValues(values={"epoch": 1, "names": ["a", ("b", None, True)], "rates": {"first": 0.5}})

    def test_a_written_checkpoint_is_accepted(self):
        assert read_clean(self.VALUES.to_bytes()) == self.VALUES

    def test_every_flipped_bit_is_refused(self):
        data = self.VALUES.to_bytes()

        for place in range(8 * len(data)):
            flipped = bytearray(data)
            flipped[place // 8] ^= 1 << place % 8
            with pytest.raises(UnsafeCheckpoint):
                read_clean(bytes(flipped))

    @pytest.mark.parametrize(
        "pickled",
        [
            b"\x80\x02}(" + text("a") + b"K\x01u.",  # a shorter opcode for 1
            b"\x80\x03}(" + text("a") + b"J\x01\0\0\0u.",  # another protocol
            b"\x80\x02}(" + text("a") + b"J\x01\0\0\0" + text("a") + b"J\x01\0\0\0u.",  # a duplicate key
            b"\x80\x02N0}(" + text("a") + b"J\x01\0\0\0u.",  # a value that is dropped
            b"\x80\x02}(" + text("a") + b"J\x01\0\0\0u.N",  # data after the end
        ],
    )
    def test_another_serialisation_of_the_same_values_is_refused(self, pickled):
        written = PlainValues(values={"a": 1}).to_bytes()
        with zipfile.ZipFile(io.BytesIO(written)) as archive:
            own = archive.read("archive/data.pkl")
        other = zipped({"archive/data.pkl": pickled, "archive/byteorder": b"little", "archive/version": b"3\n"})
        control = zipped({"archive/data.pkl": own, "archive/byteorder": b"little", "archive/version": b"3\n"})
        assert read_clean(control)

        with pytest.raises(UnsafeCheckpoint):
            read_clean(other)

    def test_a_small_pickle_of_a_huge_structure_is_refused_at_once(self):
        """Each list contains the previous one twice: 60 of them have 2**60 items."""
        nested = b"]" + b"".join(
            b"q" + bytes([depth]) + b"](h" + bytes([depth]) + b"h" + bytes([depth]) + b"e" for depth in range(60)
        )

        with pytest.raises(UnsafeCheckpoint, match=r"^cache build did not write this checkpoint$"):
            read_clean(as_zip(b"\x80\x02}" + text("a") + nested + b"s."))

    @pytest.mark.parametrize("legacy", [False, True], ids=["zip", "stream"])
    def test_a_checkpoint_that_torch_saved_is_refused_before_rewriting(self, legacy):
        data = save({"weight": torch.zeros(2)}, legacy=legacy)
        assert boxes_refuse(data)

        assert rewrite_data(data)


NOT_CHECKPOINTS = {
    "empty": b"",
    "zeros": bytes(4096),
    "text": b"version https://git-lfs.github.com/spec/v1\n",
    "an HTML page": b"<!DOCTYPE html><title>Log in</title>",
    "a zip without a pickle": zipped({"archive/version": b"3\n"}),
    "a zip whose pickle is truncated": as_zip(b"\x80\x02}"),
    "a stream whose pickle is truncated": as_stream(b"\x80\x02}")[:-6],
    "deeply nested lists": as_zip(b"\x80\x02" + b"]" * 5000 + b"a" * 4999 + b"Q" * 5000),
    "text beyond the end": as_zip(b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7fx."),
}


@pytest.mark.parametrize("data", NOT_CHECKPOINTS.values(), ids=list(NOT_CHECKPOINTS))
@pytest.mark.parametrize("suffix", [".bin", ".ckpt", ".PT"])
def test_a_malformed_file_with_a_checkpoints_suffix_is_refused_with_its_name(data, suffix):
    assert refusal(data)
    Path("blob").write_bytes(data)

    with pytest.raises(UnsafeCheckpoint) as caught:
        classes_of(Path("blob"), f"model{suffix}")

    assert caught.value.message.startswith(f"model{suffix}: ")


def test_a_file_without_a_checkpoints_suffix_is_not_read():
    Path("blob").write_bytes(call(COMMAND) + b".")

    assert classes_of(Path("blob"), "README.md") == ()


@pytest.mark.parametrize("memo", [b"r\xff\xff\xff\x7f", b"p2147483647\n"])
def test_a_high_memo_index_is_refused_before_it_allocates_memory(memo):
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (4 << 30), hard))
    try:
        assert refusal(as_zip(b"}" + memo + b".")).endswith("has the memo index 2147483647, above 1048576")
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


STATE = OrderedDict(torch.nn.BatchNorm1d(3).state_dict())
SMALL = {
    "state_dict": STATE,
    "parameter": torch.nn.Parameter(torch.zeros(2, dtype=torch.float16)),
    "size": torch.Size([1, 2]),
    "counts": defaultdict(int, a=1),
    "truth": torch.ones(3, dtype=torch.bool),
}


def save(checkpoint, *, legacy):
    target = io.BytesIO()
    torch.save(checkpoint, target, _use_new_zipfile_serialization=not legacy)
    return target.getvalue()


def names_that_torch_imports(data):
    """Load a checkpoint with torch; return every name that its unpickler looked up."""
    names = set()

    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            names.add(f"{module}.{name}")
            return super().find_class(module, name)

    pickle_module = types.SimpleNamespace(Unpickler=Unpickler, load=pickle.load, __name__="pickle")
    torch.load(io.BytesIO(data), weights_only=False, pickle_module=pickle_module)
    return names


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "stream"])
def test_the_recorded_names_are_those_that_torch_imports_for_the_original(legacy):
    data = save(SMALL, legacy=legacy)

    names = rewrite_data(data).names

    storages = {name for name in names if name.endswith("Storage")}
    assert storages == {"torch.BoolStorage", "torch.FloatStorage", "torch.HalfStorage", "torch.LongStorage"}
    assert set(names) - storages == names_that_torch_imports(data)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "stream"])
def test_torch_loads_equal_values_from_a_rewritten_checkpoint(legacy):
    loaded = torch.load(io.BytesIO(rewrite_data(save(SMALL, legacy=legacy)).data), weights_only=True)

    assert {name: (value.dtype, value.tolist()) for name, value in loaded["state_dict"].items()} == {
        name: (value.dtype, value.tolist()) for name, value in STATE.items()
    }
    assert (loaded["parameter"].dtype, loaded["truth"].tolist()) == (torch.float16, [True] * 3)
    assert (loaded["size"], loaded["counts"]) == ((1, 2), {"a": 1})


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "stream"])
def test_a_truncated_checkpoint_is_refused(legacy):
    data = save({"weight": torch.arange(6.0)}, legacy=legacy)
    assert rewrite_data(data)

    for length in range(0, len(data), 7):
        assert refusal(data[:length])


@pytest.mark.parametrize("value", [{1, 2}, torch.torch_version.TorchVersion("2.11.0")], ids=repr)
def test_a_kept_value_that_is_not_data_is_refused(value):
    assert refusal(save({"odd": [value]}, legacy=False)).startswith("a checkpoint cannot hold a ")


class TestProcess:
    """`rewrite_file` uses a process of its own, which is killed when it exceeds a limit."""

    def test_the_process_writes_the_same_bytes(self):
        data = save(SMALL, legacy=True)
        Path("upstream").write_bytes(data)

        names = rewrite_file(Path("upstream"), Path("clean"), conversion=None, allowed=())

        assert (Path("clean").read_bytes(), names) == (rewrite_data(data).data, rewrite_data(data).names)

    def test_an_error_is_raised_with_its_hint(self):
        Path("upstream").write_bytes(as_stream(call(COMMAND) + b"."))

        with pytest.raises(UnsafeCheckpoint, match=r"refers to posix\.system") as caught:
            rewrite_file(Path("upstream"), Path("clean"), conversion=None, allowed=())

        assert caught.value.hint.endswith("allow the name in the request: pickle_names: [...]")

    def test_a_structure_that_exceeds_memory_ends_only_the_process(self):
        doubled = (
            b"]("
            + text("x" * 5000)
            + b"e"
            + b"".join(
                b"q" + bytes([depth]) + b"](h" + bytes([depth]) + b"h" + bytes([depth]) + b"e" for depth in range(60)
            )
        )
        Path("upstream").write_bytes(as_zip(b"\x80\x02}" + text("a") + doubled + b"s."))

        with pytest.raises(
            UnsafeCheckpoint,
            match=r"^rewriting exceeded a limit and was ended by SIGXCPU$|^malformed or truncated checkpoint: ",
        ):
            rewrite_file(Path("upstream"), Path("clean"), conversion=None, allowed=(), cpu_seconds=2)


class TestRequest:
    """Only the request allows further names; rewriting drops the objects that they name."""

    PICKLED = as_zip(b"\x80\x02}" + text("pyannote.audio") + b"Ns0}" + text("epoch") + b"K\x01s.")
    ODD = as_stream(b"\x80\x02}(" + text("rates") + b"]cfractions\nFraction\n(K\x01K\x02tR0" + text("n") + b"K\x01u.")

    @pytest.fixture
    def host(self, folder):
        return LocalHost(folder=folder)

    def test_a_name_that_is_not_allowed_stops_resolve(self, host):
        host.ask_for({"model/pytorch_model.bin": self.ODD})

        with pytest.raises(UnsafeCheckpoint) as caught:
            host.lock()

        refused = "the checkpoint's pickle refers to fractions.Fraction, which is not on the allowlist"
        expected = f"model/pytorch_model.bin: {refused}"
        assert caught.value.message == expected
        assert caught.value.hint.endswith("allow the name in the request: pickle_names: [...]")

    def test_the_lock_records_a_name_that_the_request_allows_and_the_cache_does_not_hold_it(self, host):
        host.ask_for({"model/pytorch_model.bin": self.ODD}, pickle_names=["fractions.Fraction", "never.Used"])

        locked = host.lock().repos[0].files[0]
        assert locked.upstream.pickle_names == ("fractions.Fraction",)
        assert locked.upstream.content.size == len(self.ODD)
        assert host.build().repos[0].files[0] == locked
        assert b"fractions" not in rewrite_data(self.ODD, ["fractions.Fraction"]).data

    def test_a_lock_that_lacks_a_name_stops_the_build(self, host):
        host.ask_for({"model/pytorch_model.bin": self.ODD}, pickle_names=["fractions.Fraction"])
        host.lock()
        drop_pickle_names(host.request.with_suffix(".lock.json"))

        with pytest.raises(UnsafeCheckpoint, match=r"refers to fractions\.Fraction, which is not on the allowlist$"):
            host.build()

    def test_a_version_with_a_checkpoint_that_was_not_rewritten_is_never_restored(self, host, capsys):
        """An attacker with write access to the store publishes it: the digests match, and torch saved it."""
        from diarize_runner.cli import main

        evil = as_zip(call(COMMAND) + b".")
        host.ask_for({"model/weights.dat": evil})
        host.lock()
        host.build()
        rename_file(host.out / "manifest.json", "model/weights.dat", "model/pytorch_model.bin")
        store, box = (host.folder / "store").as_uri(), host.folder / "box"
        assert main(["cache", "publish", str(host.out), "--store", store]) == 0
        capsys.readouterr()

        assert main(["cache", "restore", "--store", store, "--into", str(box)]) == 3

        printed = capsys.readouterr().err
        assert "not safe to load: huggingface/hub/models--acme--pipeline/snapshots/" in printed
        assert "hint: build and publish a new version" in printed
        assert not box.exists()
        assert not Path("ran").exists()


def drop_pickle_names(path):
    document = json.loads(path.read_text())
    upstream = document["repos"][0]["files"][0]["upstream"]
    assert upstream["pickle_names"] == ["fractions.Fraction"]
    upstream["pickle_names"] = []
    path.write_text(json.dumps(document))


def rename_file(path, before, after):
    document = json.loads(path.read_text())
    (file,) = [file for file in document["repos"][0]["files"] if file["path"] == before]
    file["path"] = after
    path.write_text(json.dumps(document, indent=2) + "\n")
