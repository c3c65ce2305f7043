"""What a checkpoint would import is known before anything imports it, and it is what torch would import.

Each trick has its control: torch is given the file, and does what the trick is for.
"""

import io
import json
import pickle
import resource
import shutil
import types
import zipfile
from collections import OrderedDict, defaultdict
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from support.local_host import REPO, LocalHost
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

from diarize_runner.cache.gate import STANDARD, imports_of
from diarize_runner.cache.imports import Imports, require_allowed
from diarize_runner.errors import UnsafeCheckpoint

COMMAND = "touch ran"
FORMATS = {"zip": as_zip, "stream": as_stream}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in a folder where `ran` shows that a command was run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(data, name="model.bin"):
    """Return what the gate finds in a file; nothing may be run."""
    Path(name).write_bytes(data)
    found = imports_of(Path(name), name)
    assert not Path("ran").exists()
    assert found.class_names == ()
    return found.pickle_names


def refusal(data, name="model.bin"):
    with pytest.raises(UnsafeCheckpoint) as caught:
        names(data, name)
    assert not Path("ran").exists()
    return caught.value.message


def torch_runs(data):
    """Say whether the command is run when torch loads the file, as lightning and pyannote have it load one."""
    Path("model.bin").write_bytes(data)
    with Path("model.bin").open("rb") as file, suppress(Exception):
        torch.load(file, weights_only=False)
    return Path("ran").exists()


class TestNames:
    """However a pickle comes to a name, the name is found and nothing is run."""

    @pytest.mark.parametrize("wrap", FORMATS.values(), ids=list(FORMATS))
    @pytest.mark.parametrize("make", NAMED.values(), ids=list(NAMED))
    def test_a_command_is_found_by_its_name(self, make, wrap):
        data = wrap(make(COMMAND))

        found = names(data)

        assert set(found) & {"posix.system", "torch.serialization.os.system", "_pickle.loads"}
        with pytest.raises(UnsafeCheckpoint, match=r"^model\.bin is a pickle that names "):
            require_allowed("model.bin", Imports(pickle_names=found), STANDARD)
        assert torch_runs(data), "the trick is one"

    @pytest.mark.parametrize("place", at_each_place_of_a_stream(COMMAND))
    def test_a_command_is_found_in_whichever_pickle_of_a_stream_it_is(self, place):
        data = at_each_place_of_a_stream(COMMAND)[place]

        assert names(data) == ("posix.system",)
        assert torch_runs(data)

    def test_a_command_is_found_in_every_pickle_of_a_zip(self):
        data = as_zip(HARMLESS, more={"archive/more.pkl": call(COMMAND) + b"."})

        assert names(data) == ("posix.system",)

    def test_a_name_that_the_pickle_puts_together_is_refused(self):
        """A string is made by an opcode or by a call, and no call is made here."""
        system = text("builtins") + text("str.join") + b"\x93(" + text("") + b"](" + text("sys") + text("tem") + b"etR"
        data = as_zip(b"\x80\x04" + text("posix") + system + b"\x93(" + text(COMMAND) + b"tR.")

        assert refusal(data).startswith("model.bin: not a checkpoint that can be read safely")
        assert torch_runs(data), "the trick is one"


class TestTwoReadings:
    """A file that another reader may read otherwise is refused, whatever this one sees in it."""

    @pytest.mark.parametrize("make", TWO_READINGS.values(), ids=list(TWO_READINGS))
    def test_a_file_that_hides_a_command_from_some_readers_is_refused(self, make):
        data = make(COMMAND)

        assert refusal(data).startswith("model.bin: it")
        assert torch_runs(data), "the trick is one"

    def test_two_members_of_one_name(self):
        target = io.BytesIO(as_zip(HARMLESS))
        with zipfile.ZipFile(target, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("archive/data.pkl", call(COMMAND) + b".")

        assert refusal(target.getvalue()) == "model.bin: its zip has two members of one name"

    def test_a_program_is_no_checkpoint(self):
        target = io.BytesIO()
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), target)

        assert refusal(target.getvalue()) == "model.bin: it is a TorchScript program"

    def test_a_zip_behind_a_pickle_is_not_looked_into_as_torch_does_not(self):
        stream_then_zip = as_stream(HARMLESS) + as_zip(call(COMMAND) + b".")
        assert zipfile.is_zipfile(io.BytesIO(stream_then_zip))

        assert names(stream_then_zip) == ()
        assert not torch_runs(stream_then_zip)

    def test_a_pickle_before_a_zip_is_looked_into_as_torch_does(self):
        evil_then_zip = call(COMMAND) + b"." + as_zip(HARMLESS)

        assert refusal(evil_then_zip)
        assert torch_runs(evil_then_zip)

    @pytest.mark.parametrize(
        "before", [b"#!/bin/sh\n", b"\0", b"PK\x03\x04" + bytes(26)], ids=["a line", "a zero", "a header"]
    )
    def test_a_zip_with_something_before_it(self, before):
        data = before + as_zip(call(COMMAND) + b".")
        assert zipfile.is_zipfile(io.BytesIO(data))

        assert refusal(data)
        assert not torch_runs(data)


NOT_CHECKPOINTS = {
    "nothing": b"",
    "zeros": bytes(4096),
    "text": b"version https://git-lfs.github.com/spec/v1\n",
    "a page": b"<!DOCTYPE html><title>Log in</title>",
    "a zip without a pickle": zipped({"archive/version": b"3\n"}),
    "a zip without a folder": zipped({"data.pkl": HARMLESS}),
    "a zip whose pickle is cut": as_zip(b"\x80\x02}"),
    "a zip with a name of another alphabet": as_zip(HARMLESS, more={"archive/dätä": b""}),
    "a stream whose pickle is cut": as_stream(b"\x80\x02}")[:-6],
    "lists in lists": as_zip(b"\x80\x02" + b"]" * 5000 + b"a" * 4999 + b"Q" * 5000),
    "text beyond the end": as_zip(b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7fx."),
}


@pytest.mark.parametrize("data", NOT_CHECKPOINTS.values(), ids=list(NOT_CHECKPOINTS))
@pytest.mark.parametrize("suffix", [".bin", ".ckpt", ".PT"])
def test_what_is_called_like_a_checkpoint_and_is_none_is_refused_by_name(data, suffix):
    assert refusal(data, f"model{suffix}").startswith(f"model{suffix}: ")


def test_what_is_not_called_like_a_checkpoint_is_not_looked_into():
    assert names(call(COMMAND) + b".", "README.md") == ()


@pytest.mark.parametrize("memo", [b"r\xff\xff\xff\x7f", b"p2147483647\n"])
def test_a_few_bytes_cannot_ask_for_all_memory(memo):
    before, most = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (4 << 30), most))
    try:
        assert refusal(as_zip(b"}" + memo + b".")).endswith("numbers its memos up to 2147483647")
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, most))


SMALL = {
    "state_dict": OrderedDict(torch.nn.BatchNorm1d(3).state_dict()),
    "parameter": torch.nn.Parameter(torch.zeros(2, dtype=torch.float16)),
    "torch": torch.torch_version.TorchVersion("2.11.0"),
    "size": torch.Size([1, 2]),
    "counts": defaultdict(int, a=1),
    "flags": {True, False},
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
def test_the_names_of_a_checkpoint_that_torch_saved_are_those_that_torch_imports(legacy):
    data = saved(SMALL, legacy=legacy)

    found = names(data)

    storages = {name for name in found if name.endswith("Storage")}
    assert storages == {"torch.BoolStorage", "torch.FloatStorage", "torch.HalfStorage", "torch.LongStorage"}
    assert set(found) - storages == what_torch_imports(data)
    require_allowed("model.bin", Imports(pickle_names=found), STANDARD)


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "stream"])
def test_a_checkpoint_that_was_cut_short_anywhere_is_refused(legacy):
    """A stream's storages are no pickles: what is cut there is for the digest to see, and for torch."""
    data = saved({"weight": torch.arange(6.0)}, legacy=legacy)
    whole = len(data) - (8 + 6 * 4 if legacy else 0)

    assert names(data)
    for length in range(0, whole, 7):
        assert refusal(data[:length])


class TestRequest:
    """Names beyond the standard ones are allowed by the request alone, and go with the files they are in."""

    PICKLED = as_zip(b"}" + text("ratio") + b"cfractions\nFraction\n(K\x01K\x02tRs.")

    @pytest.fixture
    def host(self, folder):
        return LocalHost(folder=folder)

    def test_a_name_that_nobody_allowed_stops_resolve(self, host):
        host.ask_for({"model/pytorch_model.bin": self.PICKLED})

        with pytest.raises(UnsafeCheckpoint) as caught:
            host.lock()

        named = f"{REPO}: model/pytorch_model.bin is a pickle that names fractions.Fraction"
        assert caught.value.message == named
        assert caught.value.hint.endswith("allow them in the request: pickle_names: [...]")

    def test_a_name_that_the_request_allows_is_written_down(self, host):
        host.ask_for({"model/pytorch_model.bin": self.PICKLED}, pickle_names=["fractions.Fraction", "never.Used"])

        assert host.lock().repos[0].files[0].imports.pickle_names == ("fractions.Fraction",)
        assert host.build().repos[0].files[0].imports.pickle_names == ("fractions.Fraction",)

    def test_a_lock_that_lacks_a_name_stops_the_build(self, host):
        host.ask_for({"model/pytorch_model.bin": self.PICKLED}, pickle_names=["fractions.Fraction"])
        host.lock()
        forget_names(host.request.with_suffix(".lock.json"))

        with pytest.raises(UnsafeCheckpoint, match=r"/pytorch_model\.bin is a pickle that names fractions\.Fraction$"):
            host.build()

    def test_a_manifest_that_lacks_a_name_is_found_by_verify_and_never_loaded(self, host, capsys):
        from diarize_runner.cli import main

        host.ask_for({"model/pytorch_model.bin": self.PICKLED}, pickle_names=["fractions.Fraction"])
        host.lock()
        host.build()
        store, box = (host.folder / "store").as_uri(), host.folder / "box"
        assert main(["cache", "publish", str(host.out), "--store", store]) == 0
        assert main(["cache", "restore", "--store", store, "--into", str(box)]) == 0
        assert main(["cache", "verify", str(box)]) == 0
        by_hand = host.folder / "by-hand"
        shutil.copytree(box / "current", by_hand, symlinks=True)
        forget_names(by_hand / "manifest.json")
        capsys.readouterr()

        assert main(["cache", "verify", str(by_hand)]) == 3
        assert "names what the manifest does not list: huggingface/hub/models--acme--pipeline/snapshots/" in (
            capsys.readouterr().err
        )
        assert main(["diarize", str(speech(host.folder)), "--cache", str(by_hand)]) == 3

        forget_names(box / "current" / "manifest.json")
        assert main(["cache", "verify", str(box)]) == 3
        assert "is not the manifest that was restored" in capsys.readouterr().err


def forget_names(path):
    document = json.loads(path.read_text())
    assert document["repos"][0]["files"][0].pop("pickle_names") == ["fractions.Fraction"]
    path.write_text(json.dumps(document))


def speech(folder):
    import wave

    with wave.open(str(folder / "speech.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(b"\1\0" * 16_000)
    return folder / "speech.wav"
