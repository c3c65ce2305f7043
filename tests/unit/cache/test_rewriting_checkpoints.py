"""A checkpoint enters a cache rewritten, and a box loads none that was not: whatever a pickle tries, nothing runs.

Each trick has its control: torch is given the file, and does what the trick is for.
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
    HARMLESS,
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

from diarize_runner.cache.checkpoint.allow_list import classes_of
from diarize_runner.cache.checkpoint.child import rewrite_file
from diarize_runner.cache.checkpoint.clean import PlainValues, read_clean
from diarize_runner.cache.checkpoint.rewrite import rewrite
from diarize_runner.errors import UnsafeCheckpoint

COMMAND = "touch ran"
FORMATS = {"zip": as_zip, "stream": as_stream}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in a folder where `ran` shows that a command was run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rewritten(data, allowed=()):
    """Rewrite a file; nothing may be run, and a box accepts what comes out."""
    found = rewrite(data, conversion=None, allowed=allowed)
    read_clean(found.data)
    assert not Path("ran").exists()
    return found


def refusal(data):
    """Return why a file cannot be rewritten; nothing may be run, and no box accepts the file itself."""
    assert refused_by_boxes(data)
    with pytest.raises(UnsafeCheckpoint) as caught:
        rewrite(data, conversion=None, allowed=())
    assert not Path("ran").exists()
    return caught.value.message


def refused_by_boxes(data):
    Path("pytorch_model.bin").write_bytes(data)
    with pytest.raises(UnsafeCheckpoint, match=r"^pytorch_model\.bin: "):
        classes_of(Path("pytorch_model.bin"), "pytorch_model.bin")
    return not Path("ran").exists()


def torch_runs(data):
    """Say whether the command is run when torch loads the file, as lightning and pyannote have it load one."""
    with suppress(Exception):
        torch.load(io.BytesIO(data), weights_only=False)
    if not Path("ran").exists():  # torch takes a file by its path otherwise than by its content
        Path("model.bin").write_bytes(data)
        with suppress(Exception):
            torch.load("model.bin", weights_only=False)
    return Path("ran").exists()


class TestNames:
    """However a pickle comes to a name, the name is found and nothing is run."""

    @pytest.mark.parametrize("wrap", FORMATS.values(), ids=list(FORMATS))
    @pytest.mark.parametrize("make", NAMED.values(), ids=list(NAMED))
    def test_a_command_is_refused_by_its_name(self, make, wrap):
        data = wrap(make(COMMAND))

        message = refusal(data)

        named = ("posix.system", "torch.serialization.os.system", "_pickle.loads", "functools.partial")
        assert message in [f"the checkpoint's pickle names {name}, which is not on the allow-list" for name in named]
        assert torch_runs(data), "the trick is one"

    @pytest.mark.parametrize("place", at_each_place_of_a_stream(COMMAND))
    def test_a_command_is_refused_in_every_pickle_of_a_stream(self, place):
        data = at_each_place_of_a_stream(COMMAND)[place]

        assert "posix.system" in refusal(data)
        assert torch_runs(data)

    def test_a_name_that_the_pickle_puts_together_is_refused(self):
        """A string is made by an opcode or by a call, and no call is made here."""
        system = text("builtins") + text("str.join") + b"\x93(" + text("") + b"](" + text("sys") + text("tem") + b"etR"
        data = as_zip(b"\x80\x04" + text("posix") + system + b"\x93(" + text(COMMAND) + b"tR.")

        assert refusal(data)
        assert torch_runs(data), "the trick is one"


class TestReferences:
    """A pickle's persistent reference names a storage, and nothing else: torch hands back any object inside one."""

    @pytest.mark.parametrize("make", [patches_a_class, writes_a_patch, hides_its_class], ids=lambda make: make.__name__)
    def test_a_reference_to_a_module_is_refused(self, make):
        trick = make()
        assert trick.works(), "the trick is one"

        on_a_class = "Record.__setstate__() missing 1 required positional argument: 'state'"
        assert refusal(trick.data) in (
            "the checkpoint refers to something that is no storage",
            f"not a checkpoint that can be read safely: {on_a_class}",
        )


class TestTwoReadings:
    """A file that torch reads otherwise than this package is refused, or is harmless once it is rewritten."""

    @pytest.mark.parametrize("make", TWO_READINGS.values(), ids=list(TWO_READINGS))
    def test_a_file_that_hides_a_command_is_harmless_once_it_is_rewritten(self, make):
        data = make(COMMAND)
        assert refused_by_boxes(data)

        with suppress(UnsafeCheckpoint):
            assert not torch_runs(rewritten(data).data)
        assert torch_runs(data), "the trick is one"

    def test_two_members_of_one_name_are_harmless_once_rewritten(self):
        target = io.BytesIO(as_zip(HARMLESS))
        with zipfile.ZipFile(target, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("archive/data.pkl", call(COMMAND) + b".")

        assert "posix.system" in refusal(target.getvalue())

    def test_a_program_is_no_checkpoint(self):
        target = io.BytesIO()
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), target)

        assert refusal(target.getvalue()) == "it is a TorchScript program"

    def test_a_zip_behind_a_pickle_is_left_out(self):
        stream_then_zip = as_stream(HARMLESS) + as_zip(call(COMMAND) + b".")
        assert zipfile.is_zipfile(io.BytesIO(stream_then_zip))
        assert refused_by_boxes(stream_then_zip)

        assert b"system" not in rewritten(stream_then_zip).data

    def test_a_pickle_before_a_zip_is_refused(self):
        evil_then_zip = call(COMMAND) + b"." + as_zip(HARMLESS)

        assert refusal(evil_then_zip)
        assert torch_runs(evil_then_zip)


class TestClean:
    """A box accepts a file if this package wrote it, to the byte."""

    VALUES = PlainValues(values={"epoch": 1, "names": ["a", ("b", None, True)], "rates": {"first": 0.5}})

    def test_what_is_written_is_accepted(self):
        assert read_clean(self.VALUES.to_bytes()) == self.VALUES

    def test_a_bit_flipped_anywhere_is_refused(self):
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
            b"\x80\x02}(" + text("a") + b"J\x01\0\0\0" + text("a") + b"J\x01\0\0\0u.",  # a key twice
            b"\x80\x02N0}(" + text("a") + b"J\x01\0\0\0u.",  # something dropped
            b"\x80\x02}(" + text("a") + b"J\x01\0\0\0u.N",  # something behind the end
        ],
    )
    def test_the_same_values_written_otherwise_are_refused(self, pickled):
        written = PlainValues(values={"a": 1}).to_bytes()
        with zipfile.ZipFile(io.BytesIO(written)) as archive:
            own = archive.read("archive/data.pkl")
        other = zipped({"archive/data.pkl": pickled, "archive/byteorder": b"little", "archive/version": b"3\n"})
        control = zipped({"archive/data.pkl": own, "archive/byteorder": b"little", "archive/version": b"3\n"})
        assert read_clean(control)

        with pytest.raises(UnsafeCheckpoint):
            read_clean(other)

    def test_a_few_bytes_that_describe_a_huge_structure_are_refused_at_once(self):
        """Each list holds the one before twice: 60 of them are 2 to the power of 60 items."""
        nested = b"]" + b"".join(
            b"q" + bytes([depth]) + b"](h" + bytes([depth]) + b"h" + bytes([depth]) + b"e" for depth in range(60)
        )

        with pytest.raises(UnsafeCheckpoint, match="not a checkpoint as cache build writes one"):
            read_clean(as_zip(b"\x80\x02}" + text("a") + nested + b"s."))

    @pytest.mark.parametrize("legacy", [False, True], ids=["zip", "stream"])
    def test_what_torch_saves_is_refused_until_it_is_rewritten(self, legacy):
        data = saved({"weight": torch.zeros(2)}, legacy=legacy)
        assert refused_by_boxes(data)

        assert rewritten(data)


NOT_CHECKPOINTS = {
    "nothing": b"",
    "zeros": bytes(4096),
    "text": b"version https://git-lfs.github.com/spec/v1\n",
    "a page": b"<!DOCTYPE html><title>Log in</title>",
    "a zip without a pickle": zipped({"archive/version": b"3\n"}),
    "a zip whose pickle is cut": as_zip(b"\x80\x02}"),
    "a stream whose pickle is cut": as_stream(b"\x80\x02}")[:-6],
    "lists in lists": as_zip(b"\x80\x02" + b"]" * 5000 + b"a" * 4999 + b"Q" * 5000),
    "text beyond the end": as_zip(b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7fx."),
}


@pytest.mark.parametrize("data", NOT_CHECKPOINTS.values(), ids=list(NOT_CHECKPOINTS))
@pytest.mark.parametrize("suffix", [".bin", ".ckpt", ".PT"])
def test_what_is_called_like_a_checkpoint_and_is_none_is_refused_by_name(data, suffix):
    assert refusal(data)
    Path("blob").write_bytes(data)

    with pytest.raises(UnsafeCheckpoint) as caught:
        classes_of(Path("blob"), f"model{suffix}")

    assert caught.value.message.startswith(f"model{suffix}: ")


def test_what_is_not_called_like_a_checkpoint_is_not_looked_into():
    Path("blob").write_bytes(call(COMMAND) + b".")

    assert classes_of(Path("blob"), "README.md") == ()


@pytest.mark.parametrize("memo", [b"r\xff\xff\xff\x7f", b"p2147483647\n"])
def test_a_few_bytes_cannot_ask_for_all_memory(memo):
    before, most = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (4 << 30), most))
    try:
        assert refusal(as_zip(b"}" + memo + b".")).endswith("numbers its memos up to 2147483647")
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, most))


STATE = OrderedDict(torch.nn.BatchNorm1d(3).state_dict())
SMALL = {
    "state_dict": STATE,
    "parameter": torch.nn.Parameter(torch.zeros(2, dtype=torch.float16)),
    "size": torch.Size([1, 2]),
    "counts": defaultdict(int, a=1),
    "truth": torch.ones(3, dtype=torch.bool),
}


def saved(checkpoint, *, legacy):
    target = io.BytesIO()
    torch.save(checkpoint, target, _use_new_zipfile_serialization=not legacy)
    return target.getvalue()


def what_torch_imports(data):
    """Load a checkpoint with torch, and return every name that its unpickler was asked for."""
    asked = set()

    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            asked.add(f"{module}.{name}")
            return super().find_class(module, name)

    listening = types.SimpleNamespace(Unpickler=Unpickler, load=pickle.load, __name__="pickle")
    torch.load(io.BytesIO(data), weights_only=False, pickle_module=listening)
    return asked


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "stream"])
def test_the_names_that_the_lock_lists_are_those_that_torch_imports_of_the_original(legacy):
    data = saved(SMALL, legacy=legacy)

    found = rewritten(data).names

    storages = {name for name in found if name.endswith("Storage")}
    assert storages == {"torch.BoolStorage", "torch.FloatStorage", "torch.HalfStorage", "torch.LongStorage"}
    assert set(found) - storages == what_torch_imports(data)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "stream"])
def test_torch_loads_the_same_numbers_of_a_rewritten_checkpoint(legacy):
    loaded = torch.load(io.BytesIO(rewritten(saved(SMALL, legacy=legacy)).data), weights_only=True)

    assert {name: (value.dtype, value.tolist()) for name, value in loaded["state_dict"].items()} == {
        name: (value.dtype, value.tolist()) for name, value in STATE.items()
    }
    assert (loaded["parameter"].dtype, loaded["truth"].tolist()) == (torch.float16, [True] * 3)
    assert (loaded["size"], loaded["counts"]) == ((1, 2), {"a": 1})


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "stream"])
def test_a_checkpoint_that_was_cut_short_anywhere_is_refused(legacy):
    data = saved({"weight": torch.arange(6.0)}, legacy=legacy)
    assert rewritten(data)

    for length in range(0, len(data), 7):
        assert refusal(data[:length])


@pytest.mark.parametrize("value", [{1, 2}, torch.torch_version.TorchVersion("2.11.0")], ids=repr)
def test_a_value_that_is_no_data_is_refused_where_it_would_be_kept(value):
    assert refusal(saved({"odd": [value]}, legacy=False)).startswith("a checkpoint cannot hold a ")


class TestProcess:
    """The file is read in a process of its own, which ends at its limits."""

    def test_a_checkpoint_is_rewritten_there_to_the_same_bytes(self):
        data = saved(SMALL, legacy=True)
        Path("upstream").write_bytes(data)

        names = rewrite_file(Path("upstream"), Path("clean"), conversion=None, allowed=())

        assert (Path("clean").read_bytes(), names) == (rewritten(data).data, rewritten(data).names)

    def test_an_error_comes_back_with_its_hint(self):
        Path("upstream").write_bytes(as_stream(call(COMMAND) + b"."))

        with pytest.raises(UnsafeCheckpoint, match=r"names posix\.system") as caught:
            rewrite_file(Path("upstream"), Path("clean"), conversion=None, allowed=())

        assert caught.value.hint.endswith("allow the name in the request: pickle_names: [...]")

    def test_a_structure_beyond_memory_ends_the_process_and_not_the_build(self):
        doubled = (
            b"]("
            + text("x" * 5000)
            + b"e"
            + b"".join(
                b"q" + bytes([depth]) + b"](h" + bytes([depth]) + b"h" + bytes([depth]) + b"e" for depth in range(60)
            )
        )
        Path("upstream").write_bytes(as_zip(b"\x80\x02}" + text("a") + doubled + b"s."))

        with pytest.raises(UnsafeCheckpoint, match=r"was ended by SIGXCPU|read safely"):
            rewrite_file(Path("upstream"), Path("clean"), conversion=None, allowed=(), cpu_seconds=2)


class TestRequest:
    """Names beyond the usual ones are allowed by the request alone; what they stand for is left out."""

    PICKLED = as_zip(b"\x80\x02}" + text("pyannote.audio") + b"Ns0}" + text("epoch") + b"K\x01s.")
    ODD = as_stream(b"\x80\x02}(" + text("rates") + b"]cfractions\nFraction\n(K\x01K\x02tR0" + text("n") + b"K\x01u.")

    @pytest.fixture
    def host(self, folder):
        return LocalHost(folder=folder)

    def test_a_name_that_nobody_allowed_stops_resolve(self, host):
        host.ask_for({"model/pytorch_model.bin": self.ODD})

        with pytest.raises(UnsafeCheckpoint) as caught:
            host.lock()

        named = (
            "model/pytorch_model.bin: the checkpoint's pickle names fractions.Fraction, which is not on the allow-list"
        )
        assert caught.value.message == named
        assert caught.value.hint.endswith("allow the name in the request: pickle_names: [...]")

    def test_a_name_that_the_request_allows_is_in_the_lock_and_not_in_the_cache(self, host):
        host.ask_for({"model/pytorch_model.bin": self.ODD}, pickle_names=["fractions.Fraction", "never.Used"])

        locked = host.lock().repos[0].files[0]
        assert locked.upstream.pickle_names == ("fractions.Fraction",)
        assert locked.upstream.content.size == len(self.ODD)
        assert host.build().repos[0].files[0] == locked
        assert b"fractions" not in rewritten(self.ODD, ["fractions.Fraction"]).data

    def test_a_lock_that_lacks_a_name_stops_the_build(self, host):
        host.ask_for({"model/pytorch_model.bin": self.ODD}, pickle_names=["fractions.Fraction"])
        host.lock()
        forget_names(host.request.with_suffix(".lock.json"))

        with pytest.raises(UnsafeCheckpoint, match=r"names fractions\.Fraction, which is not on the allow-list$"):
            host.build()

    def test_a_version_that_holds_a_foreign_checkpoint_is_never_loaded(self, host, capsys):
        """As who can write the store would publish it: every digest right, and the checkpoint as torch saved it."""
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

        said = capsys.readouterr().err
        assert "not safe to load: huggingface/hub/models--acme--pipeline/snapshots/" in said
        assert "hint: build and publish a new version" in said
        assert not box.exists()
        assert not Path("ran").exists()


def forget_names(path):
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
