"""What pyannote would make an object of is known before it does, and it is what pyannote makes.

Each trick has its control: pyannote is given the file, and does what the trick is for.
"""

import io
import pickle
import re
import sys
from collections import OrderedDict, defaultdict
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest
import torch
import yaml
from pyannote.audio.core.task import Problem, Resolution, Specifications
from support.caches import edit_json
from support.local_host import REPO, LocalHost
from support.pickles import as_stream, as_zip, call, text
from torch.torch_version import TorchVersion

from diarize_runner.cache.checkpoint.allow_list import STANDARD, classes_of, require_allowed
from diarize_runner.cache.checkpoint.rewrite import rewrite
from diarize_runner.cache.documents.lock import lock_path
from diarize_runner.errors import UnsafeCheckpoint

EVIL = "from pathlib import Path\nPath('ran').touch()\nclass Thing: pass\n"
SPEAKER_DIARIZATION = "pyannote.audio.pipelines.SpeakerDiarization"
MAKES_ANYTHING = "types.SimpleNamespace"
"""A pipeline that pyannote gets past, to the preprocessors."""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in a folder with a module `evil`, where `ran` shows that it was imported."""
    Path(tmp_path, "evil.py").write_text(EVIL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "evil", raising=False)
    return tmp_path


def classes(name, data):
    """Return the classes that the gate finds in a file; nothing may be imported."""
    Path(name).write_bytes(data)
    found = classes_of(Path(name), name)
    assert not Path("ran").exists()
    return found


def refusal(name, data):
    with pytest.raises(UnsafeCheckpoint) as caught:
        classes(name, data)
    assert not Path("ran").exists()
    return caught.value


def require_not_allowed(name, found):
    with pytest.raises(UnsafeCheckpoint, match=rf"^{name} has pyannote load ") as caught:
        require_allowed(name, found, STANDARD)
    assert caught.value.hint.endswith("allow them in the request: class_names: [...]")


def pyannote_falls_for(of, path):
    """Say whether pyannote, given the file, imports the evil module or runs the command."""
    from pyannote.audio import Model, Pipeline

    with suppress(Exception):
        {"pipeline": Pipeline, "model": Model}[of].from_pretrained(path)
    return Path("ran").exists()


def config(name=SPEAKER_DIARIZATION, params=None, **more):
    return yaml.safe_dump({"pipeline": {"name": name, "params": params or {}}, **more}).encode()


CONFIGS = {
    "a pipeline": (config("evil.Thing"), {"evil.Thing"}),
    "a preprocessor": (
        config(MAKES_ANYTHING, preprocessors={"audio": {"name": "evil.Thing"}}),
        {MAKES_ANYTHING, "evil.Thing"},
    ),
    "what a module of pyannote imported": (
        config(
            MAKES_ANYTHING,
            preprocessors={"audio": {"name": "pyannote.audio.core.model.import_module", "params": {"name": "evil"}}},
        ),
        {MAKES_ANYTHING, "pyannote.audio.core.model.import_module"},
    ),
}


@pytest.mark.parametrize(("data", "named"), CONFIGS.values(), ids=list(CONFIGS))
def test_the_classes_of_a_config_are_those_that_pyannote_imports(data, named):
    found = classes("config.yaml", data)

    assert set(found) == named
    require_not_allowed("config.yaml", found)
    assert pyannote_falls_for("pipeline", "config.yaml"), "the trick is one"


def test_the_pipeline_that_the_engine_runs_is_allowed():
    found = classes("config.yaml", config(params={"segmentation": "$model/segmentation"}))

    assert found == (SPEAKER_DIARIZATION,)
    require_allowed("config.yaml", found, STANDARD)


@pytest.mark.parametrize("data", [b"model: resnet34\n", b"text", b"", b"preprocessors: {a: {name: evil.Thing}}\n"])
def test_a_config_without_a_pipeline_names_nothing_and_pyannote_loads_nothing_of_it(data):
    assert classes("config.yaml", data) == ()
    assert not pyannote_falls_for("pipeline", "config.yaml")


def test_a_config_is_one_in_any_folder_and_no_other_file_is():
    assert classes_of(Path(__file__), "tests.yaml") == ()
    Path("blob").write_bytes(config("evil.Thing"))
    assert classes_of(Path("blob"), "deep/er/config.yaml") == ("evil.Thing",)
    assert classes_of(Path("blob"), "deep/er/myconfig.yaml") == ()


@pytest.mark.parametrize(
    "data",
    [
        b"pipeline: [",
        b"pipeline: \xff",
        b"!!python/name:evil.Thing x\n",
        b"!!bool maybe\n",
        b"!!timestamp soon\n",
    ],
)
def test_a_config_that_cannot_be_read_safely_is_refused(data):
    assert refusal("config.yaml", data).message.startswith("config.yaml: not YAML that can be read safely: ")


@pytest.mark.parametrize("data", [b"[" * 5000, b"- " * 5000, b"{a: " * 5000, b"pipeline: " + b"[" * 20])
def test_a_config_that_is_nested_deeper_than_any_is_refused_before_all_of_it_is_read(data):
    assert refusal("config.yaml", data).message == "config.yaml is nested more than 20 deep"


DEEP = b"".join(b"a%d: &a%d [*a%d, *a%d]\n" % (level, level, level - 1, level - 1) for level in range(1, 60))
ALIASES = {
    "a merged mapping": b"x: &x {name: evil.Thing}\npipeline: {<<: *x}\n",
    "2**60 values": b"a0: &a0 [1]\n" + DEEP + b"pipeline: {name: evil.Thing}\n",
    "2**60 merged mappings": b"a0: &a0 {k: 1}\n" + DEEP.replace(b"[", b"{<<: [").replace(b"]", b"]}"),
    "a mapping that holds itself": b"pipeline: &x {name: evil.Thing, params: *x}\n",
}


@pytest.mark.parametrize("data", ALIASES.values(), ids=list(ALIASES))
def test_a_config_with_aliases_is_refused(data):
    raised = refusal("config.yaml", data)

    assert re.fullmatch(r"config.yaml has an alias: \*[ax]0?", raised.message)
    assert raised.hint == "write out what it stands for"


def test_a_config_that_is_larger_than_any_pipelines_is_refused():
    assert refusal("config.yaml", b"#" * 2**16 + b"\n").message == "config.yaml: more than 65,536 bytes"


@pytest.mark.parametrize(
    "where", ["/etc/weights", "models/a/weights", "./weights", "..", "$model/../../weights", "a//b"]
)
@pytest.mark.parametrize(
    "shape", [str, lambda path: {"checkpoint": path}, lambda path: [path]], ids=["text", "map", "list"]
)
def test_a_config_that_names_a_path_is_refused(where, shape):
    raised = refusal("config.yaml", config(params={"segmentation": shape(where)}))

    assert raised.message == f"config.yaml names a path: {where!r}"
    assert raised.hint == "name a model $model/folder, or by its repository, organisation/name"


def test_a_path_would_have_pyannote_load_a_pickle_that_no_gate_saw(folder):
    """A file is a checkpoint to the gate by its name; to pyannote it is one because it is named."""
    hidden = folder / "weights.dat"
    hidden.write_bytes(as_stream(call("touch ran") + b"."))
    assert classes_of(hidden, hidden.name) == ()
    data = config(params={"segmentation": str(hidden)})

    assert "names a path" in refusal("config.yaml", data).message
    assert pyannote_falls_for("pipeline", "config.yaml"), "the trick is one"


@pytest.mark.parametrize(
    "reference", ["$model/segmentation", "$model/a/b", "pyannote/segmentation-3.0", "pyannote/segmentation@2022.07"]
)
def test_a_model_may_be_a_part_of_the_repository_or_another_repository(reference):
    assert classes("config.yaml", config(params={"segmentation": reference})) == (SPEAKER_DIARIZATION,)


def described(module="evil", name="Thing"):
    how = Specifications(problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=5.0)
    architecture = {"module": module, "class": name}
    return {"versions": {"pyannote.audio": "4.0.0"}, "architecture": architecture, "specifications": how}


def checkpoint_of(description, make=dict):
    return make({"pyannote.audio": description, "state_dict": {}, "hyper_parameters": {}})


def saved(checkpoint, *, legacy=False):
    target = io.BytesIO()
    torch.save(checkpoint, target, _use_new_zipfile_serialization=not legacy)
    return target.getvalue()


def rewritten(data):
    return rewrite(data, conversion=None, allowed=()).data


CHECKPOINTS = {
    "a zip": saved(checkpoint_of(described())),
    "a stream": saved(checkpoint_of(described()), legacy=True),
    "an ordered dict": saved(checkpoint_of(OrderedDict(described()), OrderedDict)),
    "a dict with defaults": saved(checkpoint_of(defaultdict(dict, described()), lambda made: defaultdict(dict, made))),
}


@pytest.mark.parametrize("data", CHECKPOINTS.values(), ids=list(CHECKPOINTS))
def test_the_class_of_a_rewritten_checkpoint_is_the_one_that_pyannote_imports(data):
    found = classes("pytorch_model.bin", rewritten(data))

    assert found == ("evil.Thing",)
    require_not_allowed("pytorch_model.bin", found)
    assert pyannote_falls_for("model", "pytorch_model.bin"), "the trick is one"


def opcodes(value):
    """Return the opcodes of a value, without the header and the end of a pickle."""
    return pickle.dumps(value, 2)[2:-1]


def with_equal_key(key, shown, meant):
    """Return the opcodes of a dict that has `key` twice for who calls nothing; a load keeps what is meant."""
    return b"}(" + text(key) + opcodes(shown) + call(key, VERSION) + opcodes(meant) + b"u"


VERSION = b"ctorch.torch_version\nTorchVersion\n"
"""A kind of text, made by a call."""
MEANT = described()["architecture"]
UNREADABLE = {
    "a key that is made": with_equal_key("pyannote.audio", described("harmless"), described())[:-1]
    + b"".join(text(key) + b"}" for key in ("state_dict", "hyper_parameters"))
    + b"u",
    "a key within": (
        b"}("
        + text("pyannote.audio")
        + with_equal_key("architecture", {"module": "harmless", "class": "x"}, MEANT)
        # what pyannote looks at first
        + b"("
        + text("versions")
        + opcodes({"pyannote.audio": "4.0.0"})
        + b"u"
        + b"u"
    ),
    "a module that is made": opcodes({"pyannote.audio": described(TorchVersion("evil"))}),
    "a class that is made": opcodes({"pyannote.audio": described(name=TorchVersion("Thing"))}),
}


@pytest.mark.parametrize("checkpoint", UNREADABLE.values(), ids=list(UNREADABLE))
def test_a_checkpoint_whose_class_only_a_load_could_tell_is_harmless_once_it_is_rewritten(checkpoint):
    data = as_zip(b"\x80\x02" + checkpoint + b".")
    assert refusal("pytorch_model.bin", data).message.startswith("pytorch_model.bin: ")

    with suppress(UnsafeCheckpoint):
        assert classes("pytorch_model.bin", rewritten(data)) == ("harmless.Thing",)
        assert not pyannote_falls_for("model", "pytorch_model.bin")
    Path("pytorch_model.bin").write_bytes(data)
    assert pyannote_falls_for("model", "pytorch_model.bin"), "the trick is one"


@pytest.mark.parametrize("damaged", [{}, {"architecture": {}}, {"architecture": {"module": "evil"}}, [], None])
def test_a_checkpoint_that_is_half_a_pyannote_checkpoint_is_refused(damaged):
    data = saved({"pyannote.audio": damaged if damaged is not None else 1})

    with pytest.raises(UnsafeCheckpoint, match=r"describes its model otherwise|lacks a part"):
        rewritten(data)


def test_a_function_that_lightning_would_call_by_its_name_is_refused():
    named = checkpoint_of(described()) | {"hyper_parameters": {"_instantiator": "evil.Thing"}}

    with pytest.raises(UnsafeCheckpoint, match=r"name a function that lightning would call$"):
        rewritten(saved(named))


def test_a_checkpoint_of_something_else_names_no_class():
    assert classes("pytorch_model.bin", rewritten(saved({"state_dict": {"weight": torch.zeros(2)}}))) == ()


@pytest.mark.parametrize("checkpoint", [torch.zeros(2), [1], {3: "x"}], ids=["tensor", "list", "number"])
def test_a_checkpoint_that_is_no_dict_of_names_is_refused(checkpoint):
    with pytest.raises(UnsafeCheckpoint, match=r"holds no dict|is no text"):
        rewritten(saved(checkpoint))


@pytest.mark.parametrize("name", STANDARD)
def test_a_class_that_is_always_allowed_is_a_model_or_a_pipeline(name):
    from pyannote.audio import Model, Pipeline

    module, _, attribute = name.rpartition(".")
    assert issubclass(getattr(import_module(module), attribute), (Model, Pipeline))


FILES = {
    "config.yaml": config("acme.Pipeline"),
    "model/pytorch_model.bin": saved(checkpoint_of(described("acme", "Pipeline"))),
}


@pytest.mark.parametrize("path", FILES)
class TestRequest:
    """Classes beyond the standard ones are allowed by the request alone, and go with the files that name them."""

    @pytest.fixture
    def host(self, folder):
        return LocalHost(folder=folder)

    def test_a_class_that_nobody_allowed_stops_resolve(self, host, path):
        host.ask_for({path: FILES[path]}, pickle_names=["acme.Pipeline"])

        with pytest.raises(UnsafeCheckpoint, match=rf"^{REPO}: {path} has pyannote load acme\.Pipeline$"):
            host.lock()

    def test_a_class_that_the_request_allows_is_written_down(self, host, path):
        host.ask_for({path: FILES[path]}, class_names=["acme.Pipeline", "never.Used"])

        assert host.lock().repos[0].files[0].class_names == ("acme.Pipeline",)
        assert host.build().repos[0].files[0].class_names == ("acme.Pipeline",)

    def test_a_lock_that_lacks_a_class_stops_the_build(self, host, path):
        host.ask_for({path: FILES[path]}, class_names=["acme.Pipeline"])
        host.lock()
        edit_json(lock_path(host.request), forget_classes)

        with pytest.raises(UnsafeCheckpoint, match=rf"{path} has pyannote load acme\.Pipeline$"):
            host.build()

    def test_a_manifest_that_lacks_a_class_is_found_by_verify(self, host, path, capsys):
        from diarize_runner.cli import main

        host.ask_for({path: FILES[path]}, class_names=["acme.Pipeline"])
        host.lock()
        host.build()
        edit_json(host.out / "manifest.json", forget_classes)
        store = (host.folder / "store").as_uri()
        assert main(["cache", "publish", str(host.out), "--store", store]) == 0

        assert main(["cache", "restore", "--store", store, "--into", str(host.folder / "box")]) == 3
        assert "not safe to load: huggingface/hub/" in capsys.readouterr().err
        assert not (host.folder / "box").exists()


def forget_classes(document):
    assert document["repos"][0]["files"][0].pop("class_names") == ["acme.Pipeline"]
