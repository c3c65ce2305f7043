"""Each model name in a pipeline's config.yaml resolves to files of the manifest, or is refused."""

import io
import re
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml
from pyannote.audio import Model
from pyannote.audio.core.task import Problem, Resolution, Specifications
from pyannote.audio.models.embedding.xvector import XVectorMFCC
from support.caches import PIPELINE, flip
from support.children import rewriting_once
from support.twins import checkpoint_of

from diarize_runner.cache.box.resolved_config import MODEL, PLDA, TRANSFORM, ModelFiles, ModelReference, resolve_config
from diarize_runner.cache.checkpoint.clean import PlainValues
from diarize_runner.cache.checkpoint.rewrite import rewrite
from diarize_runner.cache.documents import layout
from diarize_runner.errors import IntegrityError, PipelineError


def saved(values):
    """Return a checkpoint of plain values in the cache's format."""
    return PlainValues(values=values).to_bytes()


CLASS = "pyannote.audio.pipelines.SpeakerDiarization"
SEGMENTATION, VOICES = "acme/segmentation", "acme/voices"
DEFAULTS = {
    "segmentation": {"checkpoint": SEGMENTATION},
    "plda": {"checkpoint": VOICES, "subfolder": "plda"},
    "clustering": "VBxClustering",
    "token": None,
}
A_PLDA = {TRANSFORM: b"transform", PLDA: b"plda"}
HELD = {
    PIPELINE: {
        f"own/{MODEL}": saved({"own": 1}),
        f"own/deeper/{MODEL}": saved({"own/deeper": 1}),
        **{f"plda/{name}": data for name, data in A_PLDA.items()},
        "notes/README.md": b"nothing to load\n",
    },
    SEGMENTATION: {MODEL: saved({SEGMENTATION: 1})},
    VOICES: {
        f"embedding/{MODEL}": saved({VOICES: 1}),
        **{f"plda/{name}": b"voices" + name.encode() for name in A_PLDA},
    },
}


@pytest.fixture(scope="module", autouse=True)
def _rewrite_once():
    with rewriting_once():
        yield


@pytest.fixture
def resolved(site):
    """A function that resolves a config.yaml with `params`, whose class has `defaults`."""

    def resolved(params, defaults=None, held=HELD, **more):
        config = yaml.safe_dump({"pipeline": {"name": CLASS, "params": params}, **more}).encode()
        site.publish(repos={**held, PIPELINE: {**held[PIPELINE], "config.yaml": config}})
        cache = site.restore().cache
        found = resolve_config(cache, lambda name: (defaults or {}) if name == CLASS else None)
        return found.with_models(lambda model: (model, cache))["pipeline"]["params"]

    return resolved


def read(found):
    """Return the bytes of the files found, by name."""
    model, cache = found
    assert isinstance(model, ModelFiles)
    return {name: cache.read(model.repo, file) for name, file in model.files.items()}


NAMES = {
    "a folder of its own": ("$model/own", {MODEL: saved({"own": 1})}),
    "a folder in a folder": ("$model/own/deeper", {MODEL: saved({"own/deeper": 1})}),
    "its own revision": ("$model/own@main", {MODEL: saved({"own": 1})}),
    "a PLDA of its own": ("$model/plda", A_PLDA),
    "another repository": (SEGMENTATION, {MODEL: saved({SEGMENTATION: 1})}),
    "another's revision": (f"{SEGMENTATION}@main", {MODEL: saved({SEGMENTATION: 1})}),
    "a mapping": ({"checkpoint": SEGMENTATION}, {MODEL: saved({SEGMENTATION: 1})}),
    "a mapping with a folder": ({"checkpoint": VOICES, "subfolder": "embedding"}, {MODEL: saved({VOICES: 1})}),
    "a mapping with a revision": ({"checkpoint": SEGMENTATION, "revision": "main"}, {MODEL: saved({SEGMENTATION: 1})}),
}


@pytest.mark.parametrize(("name", "files"), NAMES.values(), ids=list(NAMES))
def test_a_model_name_resolves_to_files_of_the_manifest(resolved, name, files):
    assert read(resolved({"segmentation": name})["segmentation"]) == files


def test_names_are_resolved_in_lists_and_mappings_and_other_values_stay(resolved):
    given = {"models": [{"deep": "$model/own"}, "plain"], "clustering": "VBxClustering", "step": 0.1, "none": None}

    found = resolved(given)

    assert read(found["models"][0]["deep"]) == {MODEL: saved({"own": 1})}
    assert found["models"][1] == "plain"
    assert {key: found[key] for key in ("clustering", "step", "none")} == {
        key: given[key] for key in ("clustering", "step", "none")
    }


def test_default_models_of_the_pipeline_class_are_resolved(resolved):
    found = resolved({"clustering": "AgglomerativeClustering"}, defaults=DEFAULTS)

    assert read(found["segmentation"]) == {MODEL: saved({SEGMENTATION: 1})}
    assert read(found["plda"]) == {name: b"voices" + name.encode() for name in A_PLDA}
    assert found["clustering"] == "AgglomerativeClustering"
    assert "token" not in found


def test_default_models_of_a_preprocessor_class_are_resolved(site):
    """Otherwise pyannote would look the defaults up by name, in any repository of the Hub's cache."""
    config = {"pipeline": {"name": CLASS}, "preprocessors": {"x": {"name": CLASS}}}
    site.publish(repos={**HELD, PIPELINE: {"config.yaml": yaml.safe_dump(config).encode()}})
    cache = site.restore().cache

    found = resolve_config(cache, lambda _: DEFAULTS).with_models(lambda model: (model, cache))

    for made in (found["pipeline"], found["preprocessors"]["x"]):
        assert read(made["params"]["segmentation"]) == {MODEL: saved({SEGMENTATION: 1})}
    with pytest.raises(PipelineError, match="needs other/model, which this cache does not hold"):
        resolve_config(cache, lambda _: {"segmentation": "other/model"})


def test_the_strict_option_is_as_in_pyannote(resolved):
    """`get_model` of pyannote.audio 4.0.7 sets strict=False only for the name of another repository."""
    found = resolved({"a": SEGMENTATION, "b": "$model/own", "c": {"checkpoint": SEGMENTATION, "strict": True}})

    assert {key: dict(model.options) for key, (model, _) in found.items()} == {
        "a": {"strict": False},
        "b": {},
        "c": {"strict": True},
    }


REFUSED = {
    "a repository that the cache does not hold": ("other/model", "needs other/model, which this cache does not hold"),
    "another revision": (f"{SEGMENTATION}@v2", f"needs {SEGMENTATION}@v2, and this cache holds {SEGMENTATION}@main"),
    "a mapping to another revision": (
        {"checkpoint": SEGMENTATION, "revision": "v2"},
        f"needs {SEGMENTATION}@v2, and this cache holds {SEGMENTATION}@main",
    ),
    "another revision of its own": ("$model/own@v2", f"needs $model/own@v2, and this cache holds {PIPELINE}@main"),
    "a folder that is not there": (
        "$model/nowhere",
        f"needs $model/nowhere, which has neither {MODEL} nor {TRANSFORM} and {PLDA}",
    ),
    "a folder with nothing to load": (
        "$model/notes",
        f"needs $model/notes, which has neither {MODEL} nor {TRANSFORM} and {PLDA}",
    ),
    "a file in the working folder": ({"checkpoint": MODEL}, f"names the model '{MODEL}'"),
    "a mapping with nothing": ({"checkpoint": None}, "names the model None"),
    "a number for a folder": ({"checkpoint": VOICES, "subfolder": 3}, "gives a model 'subfolder': 3"),
    "hyper-parameters from a file": (
        {"checkpoint": SEGMENTATION, "hparams_file": "data:,x#.yaml"},
        "gives a model 'hparams_file': 'data:,x#.yaml'",
    ),
    "a function to call": (
        {"checkpoint": SEGMENTATION, "_instantiator": "lightning.pytorch.cli.instantiate_module"},
        "gives a model '_instantiator': 'lightning.pytorch.cli.instantiate_module'",
    ),
    "an argument without a name": ({"checkpoint": SEGMENTATION, 3: 4}, "gives a model 3: 4"),
    "text for how strict to be": ({"checkpoint": SEGMENTATION, "strict": "yes"}, "gives a model 'strict': 'yes'"),
    "bare words where a model is due": ("weights", "has 'weights' for segmentation"),
    "nothing where a model is due": (None, "has None for segmentation"),
}


@pytest.mark.parametrize(("name", "message"), REFUSED.values(), ids=list(REFUSED))
def test_a_name_that_the_cache_does_not_hold_is_refused(resolved, tmp_path, monkeypatch, name, message):
    """All of them exist in the working directory, where pyannote would look first."""
    monkeypatch.chdir(tmp_path)
    for folder in ("other/model", SEGMENTATION, "weights", "."):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / MODEL).write_bytes(saved({}))

    with pytest.raises(PipelineError) as caught:
        resolved({"segmentation": name}, defaults={"segmentation": {"checkpoint": SEGMENTATION}})

    assert caught.value.message == f"{PIPELINE}: the pipeline cannot be loaded: its config.yaml {message}"
    assert caught.value.hint == (
        "name models of this cache: $model/folder, or organisation/name of a repository that the request lists"
    )


HYPER_PARAMETERS = """\
mfcc: {n_mfcc: 40, melkwargs: {n_fft: 400, hop_length: 160, win_length: touch ran, window_fn: !!python/name:os.system }}
"""


def test_an_hparams_file_that_would_run_a_command_is_refused(resolved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    elsewhere = f"data:,{quote(HYPER_PARAMETERS, safe='').replace('.', '%2E')}#.yaml"
    assert "/" not in elsewhere, "paths are refused earlier"

    with suppress(Exception):
        Model.from_pretrained(io.BytesIO(xvector_checkpoint()), hparams_file=elsewhere)
    assert Path("ran").exists(), "the attack works against plain pyannote"

    with pytest.raises(PipelineError, match="gives a model 'hparams_file'"):
        resolved({"embedding": {"checkpoint": "$model/own", "hparams_file": elsewhere}})


def xvector_checkpoint():
    """Return the checkpoint of a model whose hyper-parameters select its window function."""
    model = XVectorMFCC(dimension=8)
    model.mfcc.dct_mat = model.mfcc.dct_mat.contiguous()
    model.specifications = Specifications(problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=5.0)
    return rewrite(checkpoint_of(model), conversion=None, allowed=()).data


@pytest.mark.parametrize("params", [["a"], "a", {3: 4}], ids=str)
def test_params_that_are_not_a_mapping_of_strings_are_refused(resolved, params):
    with pytest.raises(PipelineError, match=rf"has {re.escape(repr(params))} for the params of {CLASS}$"):
        resolved(params)


@pytest.mark.parametrize("preprocessors", [["a"], {"x": "database.yml"}, {"x": {"params": {}}}, {"x": {"name": 3}}])
def test_a_preprocessor_without_a_class_name_is_refused(resolved, preprocessors):
    with pytest.raises(PipelineError, match="for its preprocessor"):
        resolved({}, preprocessors=preprocessors)


@pytest.mark.parametrize("config", [None, b"model: resnet34\n", b"pipeline: text\n", b"pipeline: {params: {}}\n", b""])
def test_a_repository_without_a_pipeline_config_is_refused(site, config):
    files = {"notes/README.md": b"x", **({"config.yaml": config} if config is not None else {})}
    site.publish(repos={PIPELINE: files})

    with pytest.raises(PipelineError, match=r"^acme/speaker-diarization: .* has no config\.yaml that names its class$"):
        resolve_config(site.restore().cache, lambda name: {})


def test_reading_a_file_that_changed_after_verification_is_refused(site):
    """Another process may write between the verification and the read."""
    site.publish(repos={PIPELINE: {"a": b"as published", "b": b"another"}})
    cache = site.restore().cache
    repo = cache.pipeline_repo
    changed, same = repo.files
    blob = cache.root / layout.blob_path(PIPELINE, changed.content.digest)
    blob.chmod(0o644)
    flip(blob, 3)

    with pytest.raises(IntegrityError, match=rf"{blob} \(a of {PIPELINE}\) has changed since it was verified$"):
        cache.read(repo, changed)
    assert cache.read(repo, same) == b"another"


def test_a_file_that_grew_is_read_only_to_its_expected_size(site):
    site.publish(repos={PIPELINE: {"a": b"as published"}})
    cache = site.restore().cache
    (file,) = cache.pipeline_repo.files
    blob = cache.root / layout.blob_path(PIPELINE, file.content.digest)
    blob.unlink()
    blob.symlink_to("/dev/zero")

    with pytest.raises(IntegrityError, match="has changed since it was verified"):
        cache.read(cache.pipeline_repo, file)


@pytest.mark.parametrize(
    "text", ["plain", "a/b/c", "/abs/olute", "./a/b", "../a", "a/b@", "$model", "$models/x", "", "a/"]
)
def test_other_text_is_not_a_model_name(text):
    assert ModelReference.parse(text) is None
