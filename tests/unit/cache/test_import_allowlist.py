"""`classes_of` finds the classes that pyannote instantiates, without importing them.

Each attack has a control: pyannote loads the file, and the attack succeeds.
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

from diarize_runner.cache.checkpoint.import_allowlist import STANDARD_CLASSES, classes_of, require_allowed
from diarize_runner.cache.checkpoint.rewrite import rewrite
from diarize_runner.cache.documents.lock import lock_path
from diarize_runner.errors import UnsafeCheckpoint

EVIL = "from pathlib import Path\nPath('ran').touch()\nclass Thing: pass\n"
SPEAKER_DIARIZATION = "pyannote.audio.pipelines.SpeakerDiarization"
MAKES_ANYTHING = "types.SimpleNamespace"
"""A pipeline class that accepts any arguments, so that pyannote reaches the preprocessors."""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Change to a folder with a module `evil`, which creates the file `ran` when imported."""
    Path(tmp_path, "evil.py").write_text(EVIL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "evil", raising=False)
    return tmp_path


def find_classes(name, data):
    """Return the classes of a file; assert that nothing was imported."""
    Path(name).write_bytes(data)
    found = classes_of(Path(name), name)
    assert not Path("ran").exists()
    return found


def refusal(name, data):
    with pytest.raises(UnsafeCheckpoint) as caught:
        find_classes(name, data)
    assert not Path("ran").exists()
    return caught.value


def assert_not_allowed(name, found):
    with pytest.raises(UnsafeCheckpoint, match=rf"^{name} makes pyannote load ") as caught:
        require_allowed(name, found, STANDARD_CLASSES)
    assert caught.value.hint.endswith("allow them in the request: class_names: [...]")


def attack_succeeds(kind, path):
    """Whether pyannote imports the evil module or runs the command when it loads the file."""
    from pyannote.audio import Model, Pipeline

    with suppress(Exception):
        {"pipeline": Pipeline, "model": Model}[kind].from_pretrained(path)
    return Path("ran").exists()


def config(name=SPEAKER_DIARIZATION, params=None, **more):
    return yaml.safe_dump({"pipeline": {"name": name, "params": params or {}}, **more}).encode()


CONFIGS = {
    "a pipeline": (config("evil.Thing"), {"evil.Thing"}),
    "a preprocessor": (
        config(MAKES_ANYTHING, preprocessors={"audio": {"name": "evil.Thing"}}),
        {MAKES_ANYTHING, "evil.Thing"},
    ),
    "a function imported by a module of pyannote": (
        config(
            MAKES_ANYTHING,
            preprocessors={"audio": {"name": "pyannote.audio.core.model.import_module", "params": {"name": "evil"}}},
        ),
        {MAKES_ANYTHING, "pyannote.audio.core.model.import_module"},
    ),
}


@pytest.mark.parametrize(("data", "expected"), CONFIGS.values(), ids=list(CONFIGS))
def test_the_classes_of_a_config_are_those_that_pyannote_imports(data, expected):
    found = find_classes("config.yaml", data)

    assert set(found) == expected
    assert_not_allowed("config.yaml", found)
    assert attack_succeeds("pipeline", "config.yaml"), "the control must succeed"


def test_the_engines_pipeline_is_allowed():
    found = find_classes("config.yaml", config(params={"segmentation": "$model/segmentation"}))

    assert found == (SPEAKER_DIARIZATION,)
    require_allowed("config.yaml", found, STANDARD_CLASSES)


@pytest.mark.parametrize("data", [b"model: resnet34\n", b"text", b"", b"preprocessors: {a: {name: evil.Thing}}\n"])
def test_a_config_without_a_pipeline_names_no_class_and_pyannote_does_not_load_it(data):
    assert find_classes("config.yaml", data) == ()
    assert not attack_succeeds("pipeline", "config.yaml")


def test_only_files_named_config_yaml_in_any_folder_are_configs():
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
def test_a_config_that_is_malformed_yaml_is_refused(data):
    assert refusal("config.yaml", data).message.startswith("config.yaml: malformed YAML: ")


@pytest.mark.parametrize("data", [b"[" * 5000, b"- " * 5000, b"{a: " * 5000, b"pipeline: " + b"[" * 20])
def test_a_deeply_nested_config_is_refused_before_it_is_parsed_in_full(data):
    assert refusal("config.yaml", data).message == "config.yaml has more than 20 levels of nesting"


DEEP = b"".join(b"a%d: &a%d [*a%d, *a%d]\n" % (level, level, level - 1, level - 1) for level in range(1, 60))
ALIASES = {
    "a merged mapping": b"x: &x {name: evil.Thing}\npipeline: {<<: *x}\n",
    "2**60 values": b"a0: &a0 [1]\n" + DEEP + b"pipeline: {name: evil.Thing}\n",
    "2**60 merged mappings": b"a0: &a0 {k: 1}\n" + DEEP.replace(b"[", b"{<<: [").replace(b"]", b"]}"),
    "a mapping that contains itself": b"pipeline: &x {name: evil.Thing, params: *x}\n",
}


@pytest.mark.parametrize("data", ALIASES.values(), ids=list(ALIASES))
def test_a_config_with_aliases_is_refused(data):
    raised = refusal("config.yaml", data)

    assert re.fullmatch(r"config.yaml has an alias: \*[ax]0?", raised.message)
    assert raised.hint == "replace the alias with its value"


def test_a_config_of_more_than_64_kib_is_refused():
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
    assert raised.hint == "name a model as $model/folder or organisation/name"


def test_pyannote_would_load_an_unchecked_pickle_by_its_path(folder):
    """`classes_of` recognises checkpoints by their suffix, but pyannote loads any file that a config names."""
    hidden = folder / "weights.dat"
    hidden.write_bytes(as_stream(call("touch ran") + b"."))
    assert classes_of(hidden, hidden.name) == ()
    data = config(params={"segmentation": str(hidden)})

    assert "names a path" in refusal("config.yaml", data).message
    assert attack_succeeds("pipeline", "config.yaml"), "the control must succeed"


@pytest.mark.parametrize(
    "reference", ["$model/segmentation", "$model/a/b", "pyannote/segmentation-3.0", "pyannote/segmentation@2022.07"]
)
def test_a_model_may_be_a_folder_of_the_repository_or_another_repository(reference):
    assert find_classes("config.yaml", config(params={"segmentation": reference})) == (SPEAKER_DIARIZATION,)


def make_description(module="evil", name="Thing"):
    specifications = Specifications(problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=5.0)
    architecture = {"module": module, "class": name}
    return {"versions": {"pyannote.audio": "4.0.0"}, "architecture": architecture, "specifications": specifications}


def make_checkpoint(description, dict_type=dict):
    return dict_type({"pyannote.audio": description, "state_dict": {}, "hyper_parameters": {}})


def save(checkpoint, *, legacy=False):
    target = io.BytesIO()
    torch.save(checkpoint, target, _use_new_zipfile_serialization=not legacy)
    return target.getvalue()


def rewrite_data(data):
    return rewrite(data, conversion=None, allowed=()).data


CHECKPOINTS = {
    "a zip": save(make_checkpoint(make_description())),
    "a stream": save(make_checkpoint(make_description()), legacy=True),
    "an ordered dict": save(make_checkpoint(OrderedDict(make_description()), OrderedDict)),
    "a defaultdict": save(
        make_checkpoint(defaultdict(dict, make_description()), lambda items: defaultdict(dict, items))
    ),
}


@pytest.mark.parametrize("data", CHECKPOINTS.values(), ids=list(CHECKPOINTS))
def test_the_class_of_a_rewritten_checkpoint_is_the_one_that_pyannote_imports(data):
    found = find_classes("pytorch_model.bin", rewrite_data(data))

    assert found == ("evil.Thing",)
    assert_not_allowed("pytorch_model.bin", found)
    assert attack_succeeds("model", "pytorch_model.bin"), "the control must succeed"


def opcodes(value):
    """Return the opcodes of a value, without the header and the end of a pickle."""
    return pickle.dumps(value, 2)[2:-1]


def duplicate_key(key, decoy, effective):
    """Return the opcodes of a dict with `key` twice; a load calls the second key, and keeps `effective`."""
    return b"}(" + text(key) + opcodes(decoy) + call(key, VERSION) + opcodes(effective) + b"u"


VERSION = b"ctorch.torch_version\nTorchVersion\n"
"""A subclass of str, made by a call."""
ARCHITECTURE = make_description()["architecture"]
HIDDEN_CLASSES = {
    "a key made by a call": duplicate_key("pyannote.audio", make_description("harmless"), make_description())[:-1]
    + b"".join(text(key) + b"}" for key in ("state_dict", "hyper_parameters"))
    + b"u",
    "a nested key made by a call": (
        b"}("
        + text("pyannote.audio")
        + duplicate_key("architecture", {"module": "harmless", "class": "x"}, ARCHITECTURE)
        # pyannote checks the versions first
        + b"("
        + text("versions")
        + opcodes({"pyannote.audio": "4.0.0"})
        + b"u"
        + b"u"
    ),
    "a module made by a call": opcodes({"pyannote.audio": make_description(TorchVersion("evil"))}),
    "a class name made by a call": opcodes({"pyannote.audio": make_description(name=TorchVersion("Thing"))}),
}


@pytest.mark.parametrize("checkpoint", HIDDEN_CLASSES.values(), ids=list(HIDDEN_CLASSES))
def test_a_checkpoint_that_hides_its_class_is_harmless_after_rewriting(checkpoint):
    data = as_zip(b"\x80\x02" + checkpoint + b".")
    assert refusal("pytorch_model.bin", data).message.startswith("pytorch_model.bin: ")

    with suppress(UnsafeCheckpoint):
        assert find_classes("pytorch_model.bin", rewrite_data(data)) == ("harmless.Thing",)
        assert not attack_succeeds("model", "pytorch_model.bin")
    Path("pytorch_model.bin").write_bytes(data)
    assert attack_succeeds("model", "pytorch_model.bin"), "the control must succeed"


@pytest.mark.parametrize("damaged", [{}, {"architecture": {}}, {"architecture": {"module": "evil"}}, [], None])
def test_an_incomplete_pyannote_checkpoint_is_refused(damaged):
    data = save({"pyannote.audio": damaged if damaged is not None else 1})

    with pytest.raises(
        UnsafeCheckpoint,
        match=r"the architecture lacks a module or a class name|lacks a required dict with string keys",
    ):
        rewrite_data(data)


def test_a_function_name_that_lightning_would_call_is_refused():
    checkpoint = make_checkpoint(make_description()) | {"hyper_parameters": {"_instantiator": "evil.Thing"}}

    with pytest.raises(UnsafeCheckpoint, match=r"name a function for lightning to call$"):
        rewrite_data(save(checkpoint))


def test_a_checkpoint_that_is_not_pyannotes_names_no_class():
    assert find_classes("pytorch_model.bin", rewrite_data(save({"state_dict": {"weight": torch.zeros(2)}}))) == ()


@pytest.mark.parametrize("checkpoint", [torch.zeros(2), [1], {3: "x"}], ids=["tensor", "list", "number"])
def test_a_checkpoint_that_is_not_a_dict_with_string_keys_is_refused(checkpoint):
    with pytest.raises(UnsafeCheckpoint, match=r"is not a dict|is not a string"):
        rewrite_data(save(checkpoint))


@pytest.mark.parametrize("name", STANDARD_CLASSES)
def test_every_standard_class_is_a_model_or_a_pipeline(name):
    from pyannote.audio import Model, Pipeline

    module, _, attribute = name.rpartition(".")
    assert issubclass(getattr(import_module(module), attribute), (Model, Pipeline))


FILES = {
    "config.yaml": config("acme.Pipeline"),
    "model/pytorch_model.bin": save(make_checkpoint(make_description("acme", "Pipeline"))),
}


@pytest.mark.parametrize("path", FILES)
class TestRequest:
    """Only the request allows further classes, and the lock and manifest record them per file."""

    @pytest.fixture
    def host(self, folder):
        return LocalHost(folder=folder)

    def test_a_class_that_is_not_allowed_stops_resolve(self, host, path):
        host.ask_for({path: FILES[path]}, pickle_names=["acme.Pipeline"])

        with pytest.raises(UnsafeCheckpoint, match=rf"^{REPO}: {path} makes pyannote load acme\.Pipeline$"):
            host.lock()

    def test_the_lock_and_the_manifest_record_a_class_that_the_request_allows(self, host, path):
        host.ask_for({path: FILES[path]}, class_names=["acme.Pipeline", "never.Used"])

        assert host.lock().repos[0].files[0].class_names == ("acme.Pipeline",)
        assert host.build().repos[0].files[0].class_names == ("acme.Pipeline",)

    def test_a_lock_that_lacks_a_class_stops_the_build(self, host, path):
        host.ask_for({path: FILES[path]}, class_names=["acme.Pipeline"])
        host.lock()
        edit_json(lock_path(host.request), drop_class_names)

        with pytest.raises(UnsafeCheckpoint, match=rf"{path} makes pyannote load acme\.Pipeline$"):
            host.build()

    def test_restore_refuses_a_manifest_that_lacks_a_class(self, host, path, capsys):
        from diarize_runner.cli import main

        host.ask_for({path: FILES[path]}, class_names=["acme.Pipeline"])
        host.lock()
        host.build()
        edit_json(host.out / "manifest.json", drop_class_names)
        store = (host.folder / "store").as_uri()
        assert main(["cache", "publish", str(host.out), "--store", store]) == 0

        assert main(["cache", "restore", "--store", store, "--into", str(host.folder / "box")]) == 3
        assert "not safe to load: huggingface/hub/" in capsys.readouterr().err
        assert not (host.folder / "box").exists()


def drop_class_names(document):
    assert document["repos"][0]["files"][0].pop("class_names") == ["acme.Pipeline"]
