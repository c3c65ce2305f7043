"""Resolve each model name in a pipeline's config.yaml to verified files.

pyannote's own lookup can find other files: it prefers a folder `organisation/name` in the working directory to the
Hub's cache (`Model.from_pretrained` and `PLDA.from_pretrained` of pyannote.audio 4.0.7). So this module resolves the
names against the manifest, and pyannote gets loaded models instead of names.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import NoneType
from typing import Any

from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.cache.checkpoint.pipeline_config import CONFIG_NAME, parse_config
from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.cache.documents.snapshot import REPO_ID, FileEntry, RepoSnapshot
from diarize_runner.errors import PipelineError

MODEL = "pytorch_model.bin"
TRANSFORM, PLDA = "xvec_transform.npz", "plda.npz"
"""File names that pyannote expects in the folder of a model and of a PLDA."""

_NAME = re.compile(rf"(\$model/(?P<folder>[^@]+)|(?P<repo_id>{REPO_ID}))(@(?P<revision>[^@/]+))?")
_OPTIONS = {
    "checkpoint": str,
    "subfolder": str,
    "revision": str,
    "strict": bool,
    "token": object,  # ignored
    "cache_dir": object,  # ignored
}
"""The arguments of `Model.from_pretrained` that a config may give, and their types.

Other arguments are dangerous: lightning opens `hparams_file` by any protocol of fsspec, reads YAML with Python tags,
and calls `_instantiator` (core/saving.py of lightning 2.6).
"""

ParameterDefaults = Callable[[str], Mapping[str, object]]
"""Takes the full name of a pipeline's class; returns the defaults of its parameters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelReference:
    """A model's name in a config: `organisation/name@revision` or `$model/folder`."""

    repo_id: str | None
    """None for `$model/folder`, which is in the config's own repository."""
    revision: str | None
    folder: str
    """The folder in the repository; empty for its root."""

    @classmethod
    def parse(cls, text: str) -> "ModelReference | None":
        """Parse a name; return None if `text` is not one."""
        if found := _NAME.fullmatch(text):
            return cls(repo_id=found["repo_id"], revision=found["revision"], folder=found["folder"] or "")
        return None

    def __str__(self) -> str:
        at = f"@{self.revision}" if self.revision else ""
        return "/".join(filter(None, (self.repo_id or "$model", self.folder))) + at


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFiles:
    """The verified files of a model or a PLDA."""

    repo: RepoSnapshot
    files: Mapping[str, FileEntry]
    """By file name in the model's folder."""
    options: Mapping[str, Any]
    """Arguments of `Model.from_pretrained`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedConfig:
    """A pipeline's config.yaml, with ModelFiles in place of model names, and with the defaults that name models."""

    content: Mapping[str, object]

    def with_models(self, load: Callable[[ModelFiles], object]) -> dict[str, Any]:
        """Return a config for `Pipeline.from_pretrained`, with each model loaded by `load`."""
        return {key: _map_leaves(value, lambda leaf: _load_leaf(leaf, load)) for key, value in self.content.items()}


def resolve_config(cache: VerifiedCache, defaults: ParameterDefaults) -> ResolvedConfig:
    """Resolve every model name in the config.yaml of the cache's pipeline.

    Raises:
        PipelineError: the file is not a pipeline's config, or names a model that the cache does not hold.
        UnsafeCheckpoint: the file cannot be read safely.
        IntegrityError: the file has changed since it was verified.
        DiskError: the file cannot be read.
    """
    content, pipeline = _read(cache)
    resolver = _NameResolver(manifest=cache.manifest)
    resolved = {"pipeline": _resolve_params(pipeline, defaults, resolver)}
    if preprocessors := content.get("preprocessors"):
        resolved["preprocessors"] = _resolve_preprocessors(preprocessors, defaults, resolver)
    return ResolvedConfig(content={**content, **resolved})


def _resolve_preprocessors(specs: object, defaults: ParameterDefaults, resolver: "_NameResolver") -> dict[str, object]:
    """Resolve the preprocessors; refuse a string, which pyannote would open as a file in the working directory."""
    if not isinstance(specs, Mapping):
        raise resolver.error(f"has {specs!r} for its preprocessors")
    for key, spec in specs.items():
        if not isinstance(spec, Mapping) or not isinstance(spec.get("name"), str):
            raise resolver.error(f"has {spec!r} for its preprocessor {key}")
    return {key: _resolve_params(spec, defaults, resolver) for key, spec in specs.items()}


def _resolve_params(
    spec: Mapping[str, Any], defaults: ParameterDefaults, resolver: "_NameResolver"
) -> dict[str, object]:
    """Return the spec of an object with its parameters resolved; defaults of its class that name models are added."""
    params = spec.get("params") or {}
    if not isinstance(params, Mapping) or not all(isinstance(key, str) for key in params):
        raise resolver.error(f"has {params!r} for the params of {spec['name']}")
    model_defaults = {key: value for key, value in defaults(spec["name"]).items() if _names_a_model(value)}
    for key in model_defaults.keys() & params.keys():
        if not _names_a_model(params[key]):
            raise resolver.error(f"has {params[key]!r} for {key}")
    return {**spec, "params": _map_leaves({**model_defaults, **params}, resolver)}


@dataclass(frozen=True, kw_only=True, slots=True)
class _NameResolver:
    """Maps each model name of a config to the manifest's files; returns every other value unchanged."""

    manifest: CacheManifest

    def __call__(self, leaf: object) -> object:
        if isinstance(leaf, Mapping):
            return self._files(self._parse_arguments(leaf), {key: leaf[key] for key in ("strict",) if key in leaf})
        name = ModelReference.parse(leaf) if isinstance(leaf, str) else None
        if name is None:
            return leaf
        # As in pyannote: another repository's checkpoint may hold more weights than the model's, such as its loss's.
        return self._files(name, {"strict": False} if name.repo_id else {})

    def error(self, problem: str) -> PipelineError:
        message = f"{self.manifest.pipeline}: the pipeline cannot be loaded: its {CONFIG_NAME} {problem}"
        hint = "name models of this cache: $model/folder, or organisation/name of a repository that the request lists"
        return PipelineError(message, hint=hint)

    def _parse_arguments(self, leaf: Mapping[str, Any]) -> ModelReference:
        """Parse a mapping with the arguments of `Model.from_pretrained`."""
        for key, value in leaf.items():
            if key not in _OPTIONS or not isinstance(value, (_OPTIONS[key], NoneType)):
                raise self.error(f"gives a model {key!r}: {value!r}")
        name = ModelReference.parse(leaf["checkpoint"] or "")
        if name is None:
            raise self.error(f"names the model {leaf['checkpoint']!r}")
        folder = "/".join(filter(None, (name.folder, leaf.get("subfolder"))))
        return ModelReference(repo_id=name.repo_id, revision=leaf.get("revision") or name.revision, folder=folder)

    def _files(self, name: ModelReference, options: Mapping[str, Any]) -> ModelFiles:
        repo_id = name.repo_id or self.manifest.pipeline
        repo = next((repo for repo in self.manifest.repos if repo.repo_id == repo_id), None)
        if repo is None:
            raise self.error(f"needs {name}, which this cache does not hold")
        if name.revision not in (None, repo.revision, repo.commit_hash):
            raise self.error(f"needs {name}, and this cache holds {repo_id}@{repo.revision}")
        files = {PurePosixPath(file.path).name: file for file in repo.files if _folder_of(file) == name.folder}
        if MODEL not in files and not {TRANSFORM, PLDA} <= files.keys():
            raise self.error(f"needs {name}, which has neither {MODEL} nor {TRANSFORM} and {PLDA}")
        return ModelFiles(repo=repo, files=files, options=options)


def _read(cache: VerifiedCache) -> tuple[Mapping[str, object], dict[str, Any]]:
    """Return the content of config.yaml, and its `pipeline` mapping."""
    repo = cache.pipeline_repo
    file = next((file for file in repo.files if file.path == CONFIG_NAME), None)
    content = parse_config(cache.read(repo, file), CONFIG_NAME) if file else None
    pipeline = content["pipeline"] if content else None
    if content is None or not isinstance(pipeline, dict) or not isinstance(pipeline.get("name"), str):
        message = f"{repo.repo_id}: the pipeline cannot be loaded: it has no {CONFIG_NAME} that names its class"
        raise PipelineError(message, hint="name a pipeline's repository in the request, and build the cache again")
    return content, pipeline


def _names_a_model(value: object) -> bool:
    if isinstance(value, Mapping):
        return "checkpoint" in value
    return isinstance(value, str) and ModelReference.parse(value) is not None


def _folder_of(file: FileEntry) -> str:
    return file.path.rpartition("/")[0]


def _map_leaves(node: object, change: Callable[[object], object]) -> object:
    """Return a copy of a tree with each leaf changed; a mapping that names a model is a leaf."""
    if isinstance(node, Mapping) and not _names_a_model(node):
        return {key: _map_leaves(value, change) for key, value in node.items()}
    if isinstance(node, list):
        return [_map_leaves(value, change) for value in node]
    return change(node)


def _load_leaf(leaf: object, load: Callable[[ModelFiles], object]) -> object:
    return load(leaf) if isinstance(leaf, ModelFiles) else leaf
