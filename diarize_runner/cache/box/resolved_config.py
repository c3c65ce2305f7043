"""Which verified files a pipeline's config.yaml means by each name in it.

pyannote looks names up itself, and can find other files than the verified ones: `organisation/name` may be a folder in
the working folder, which comes before the Hub's cache (`Model.from_pretrained` and `PLDA.from_pretrained` of
pyannote.audio 4.0.7). So names are resolved here, against the manifest, and pyannote gets what was loaded from those
files: it has no name left to look up.
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
"""The files that pyannote looks for in a model's folder and in a PLDA's."""

_NAME = re.compile(rf"(\$model/(?P<folder>[^@]+)|(?P<repo_id>{REPO_ID}))(@(?P<revision>[^@/]+))?")
_OPTIONS = {
    "checkpoint": str,
    "subfolder": str,
    "revision": str,
    "strict": bool,
    "token": object,  # not used, like the next
    "cache_dir": object,
}
"""The arguments of `Model.from_pretrained` that a config may give, and their types.

All others reach the model's class and lightning, which opens `hparams_file` by any of fsspec's protocols, reads YAML
with Python tags in it, and calls `_instantiator` (core/saving.py of lightning 2.6).
"""

Defaults = Callable[[str], Mapping[str, object]]
"""Returns the default of each parameter of a pipeline's class, by the class's full name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelName:
    """What a config calls a model."""

    repo_id: str | None
    """None in `$model/folder`: the repository that the config lies in."""
    revision: str | None
    folder: str
    """The folder in the repository; empty for its top."""

    @classmethod
    def parse(cls, text: str) -> "ModelName | None":
        """Return the name, or None where the text is none."""
        if found := _NAME.fullmatch(text):
            return cls(repo_id=found["repo_id"], revision=found["revision"], folder=found["folder"] or "")
        return None

    def __str__(self) -> str:
        at = f"@{self.revision}" if self.revision else ""
        return "/".join(filter(None, (self.repo_id or "$model", self.folder))) + at


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFiles:
    """The verified files that a name stands for: those of a model, or of a PLDA."""

    repo: RepoSnapshot
    files: Mapping[str, FileEntry]
    """By their names in the model's folder."""
    options: Mapping[str, Any]
    """How to load them: arguments of `Model.from_pretrained`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedConfig:
    """A pipeline's config.yaml, with ModelFiles where it named models, and where its class's defaults do."""

    content: Mapping[str, object]

    def with_models(self, load: Callable[[ModelFiles], object]) -> dict[str, Any]:
        """Return a new config for `Pipeline.from_pretrained`, with what `load` returns for each of the models."""
        return {key: _each(value, lambda leaf: _loaded(leaf, load)) for key, value in self.content.items()}


def resolve_config(cache: VerifiedCache, defaults: Defaults) -> ResolvedConfig:
    """Resolve every name in the config.yaml of the cache's pipeline.

    Raises:
        PipelineError: it is no pipeline's config, or names what the cache does not hold.
        UnsafeCheckpoint: it cannot be read safely.
        IntegrityError: it has changed since it was verified.
        DiskError: it cannot be read.
    """
    content, described = _read(cache)
    find = _Find(manifest=cache.manifest)
    made = {"pipeline": _with_params(described, defaults, find)}
    if preprocessors := content.get("preprocessors"):
        made["preprocessors"] = _preprocessors(preprocessors, defaults, find)
    return ResolvedConfig(content={**content, **made})


def _preprocessors(described: object, defaults: Defaults, find: "_Find") -> dict[str, object]:
    """Resolve what describes preprocessors; to pyannote, text there is a file of the working folder."""
    if not isinstance(described, Mapping):
        raise find.refusal(f"has {described!r} for its preprocessors")
    for key, each in described.items():
        if not isinstance(each, Mapping) or not isinstance(each.get("name"), str):
            raise find.refusal(f"has {each!r} for its preprocessor {key}")
    return {key: _with_params(each, defaults, find) for key, each in described.items()}


def _with_params(described: Mapping[str, Any], defaults: Defaults, find: "_Find") -> dict[str, object]:
    """Return what describes an object of a class, its parameters resolved, and the class's own where none are given."""
    given = described.get("params") or {}
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise find.refusal(f"has {given!r} for the params of {described['name']}")
    named = {key: value for key, value in defaults(described["name"]).items() if _names_a_model(value)}
    for key in named.keys() & given.keys():
        if not _names_a_model(given[key]):
            raise find.refusal(f"has {given[key]!r} for {key}")
    return {**described, "params": _each({**named, **given}, find)}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Find:
    """Finds in a manifest what the names of a config stand for; leaves everything else as it is."""

    manifest: CacheManifest

    def __call__(self, leaf: object) -> object:
        if isinstance(leaf, Mapping):
            return self._files(self._described(leaf), {key: leaf[key] for key in ("strict",) if key in leaf})
        name = ModelName.parse(leaf) if isinstance(leaf, str) else None
        if name is None:
            return leaf
        # As in pyannote: another repository's checkpoint may hold more than the model's weights, such as its loss's.
        return self._files(name, {"strict": False} if name.repo_id else {})

    def refusal(self, what: str) -> PipelineError:
        message = f"{self.manifest.pipeline}: the pipeline cannot be loaded: its {CONFIG_NAME} {what}"
        hint = "name models of this cache: $model/folder, or organisation/name of a repository that the request lists"
        return PipelineError(message, hint=hint)

    def _described(self, leaf: Mapping[str, Any]) -> ModelName:
        """Parse a mapping with the arguments of `from_pretrained`."""
        for key, value in leaf.items():
            if key not in _OPTIONS or not isinstance(value, (_OPTIONS[key], NoneType)):
                raise self.refusal(f"gives a model {key!r}: {value!r}")
        name = ModelName.parse(leaf["checkpoint"] or "")
        if name is None:
            raise self.refusal(f"names the model {leaf['checkpoint']!r}")
        folder = "/".join(filter(None, (name.folder, leaf.get("subfolder"))))
        return ModelName(repo_id=name.repo_id, revision=leaf.get("revision") or name.revision, folder=folder)

    def _files(self, name: ModelName, options: Mapping[str, Any]) -> ModelFiles:
        repo_id = name.repo_id or self.manifest.pipeline
        repo = next((each for each in self.manifest.repos if each.repo_id == repo_id), None)
        if repo is None:
            raise self.refusal(f"needs {name}, which this cache does not hold")
        if name.revision not in (None, repo.revision, repo.commit_hash):
            raise self.refusal(f"needs {name}, and this cache holds {repo_id}@{repo.revision}")
        files = {PurePosixPath(file.path).name: file for file in repo.files if _folder_of(file) == name.folder}
        if MODEL not in files and not {TRANSFORM, PLDA} <= files.keys():
            raise self.refusal(f"needs {name}, where there is neither {MODEL} nor {TRANSFORM} with {PLDA}")
        return ModelFiles(repo=repo, files=files, options=options)


def _read(cache: VerifiedCache) -> tuple[Mapping[str, object], dict[str, Any]]:
    """Return what config.yaml holds, and what it says under `pipeline`."""
    repo = cache.pipeline_repo
    file = next((file for file in repo.files if file.path == CONFIG_NAME), None)
    content = parse_config(cache.read(repo, file), CONFIG_NAME) if file else None
    described = content["pipeline"] if content else None
    if content is None or not isinstance(described, dict) or not isinstance(described.get("name"), str):
        message = f"{repo.repo_id}: the pipeline cannot be loaded: it has no {CONFIG_NAME} that names its class"
        raise PipelineError(message, hint="name a pipeline's repository in the request, and build the cache again")
    return content, described


def _names_a_model(value: object) -> bool:
    if isinstance(value, Mapping):
        return "checkpoint" in value
    return isinstance(value, str) and ModelName.parse(value) is not None


def _folder_of(file: FileEntry) -> str:
    return file.path.rpartition("/")[0]


def _each(node: object, change: Callable[[object], object]) -> object:
    """Return a copy of a tree with each leaf changed; a mapping that names a model is a leaf."""
    if isinstance(node, Mapping) and not _names_a_model(node):
        return {key: _each(value, change) for key, value in node.items()}
    if isinstance(node, list):
        return [_each(value, change) for value in node]
    return change(node)


def _loaded(leaf: object, load: Callable[[ModelFiles], object]) -> object:
    return load(leaf) if isinstance(leaf, ModelFiles) else leaf
