"""The transcription models of a cache.

A repository is one if its root holds the files of a Whisper model in CTranslate2's format, so neither the lock nor the
manifest needs a key for it: docs/adr/0024. The first one in the manifest is the default.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from diarize_runner.cache.box.verify import VerifiedCache
from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.cache.documents.snapshot import FileEntry, RepoSnapshot
from diarize_runner.errors import UsageError

_NEEDED: Final = ("config.json", "model.bin", "tokenizer.json")
_VOCABULARIES: Final = ("vocabulary.json", "vocabulary.txt")
_OPTIONAL: Final = ("preprocessor_config.json",)
"""Present where the features have 128 mel bins instead of 80."""
ALIASES: Final = {"large": "large-v3", "turbo": "large-v3-turbo", "distil-large": "distil-large-v3"}
_MULTILINGUAL_TOKEN: Final = ""
"""CTranslate2 takes a model with this token for multilingual (src/models/whisper.cc of 4.8)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TranscriptionModel:
    """A Whisper model of a cache."""

    name: str
    """Such as `tiny.en`, as faster-whisper names it."""
    repo: RepoSnapshot
    files: Mapping[str, FileEntry]
    """The files to load, by name."""

    def is_multilingual(self, cache: VerifiedCache) -> bool:
        """Whether it knows languages besides English, by its vocabulary.

        Raises:
            IntegrityError: the vocabulary has changed since it was verified.
            DiskError: it cannot be read.
        """
        name = next(name for name in _VOCABULARIES if name in self.files)
        data = cache.read(self.repo, self.files[name])
        tokens = json.loads(data) if name.endswith(".json") else data.decode().removesuffix("\n").split("\n")
        return _MULTILINGUAL_TOKEN in tokens


def find_models(manifest: CacheManifest) -> tuple[TranscriptionModel, ...]:
    """Return the transcription models, in the manifest's order."""
    return tuple(model for model in map(_model, manifest.repos) if model)


def select_model(manifest: CacheManifest, name: str | None) -> TranscriptionModel:
    """Return the model that `name` names: its name, an alias or its repo_id; without a name, the first one.

    Raises:
        UsageError: the cache holds no such model.
    """
    models = {model.name: model for model in find_models(manifest)}
    if not models:
        hint = "add one to the request, such as cache_manifests/whisper-small.yaml, and publish a new version"
        raise UsageError(f"the cache {manifest.name} {manifest.version} holds no transcription model", hint=hint)
    by_repo_id = {model.repo.repo_id: model for model in models.values()}
    wanted = next(iter(models)) if name is None else ALIASES.get(name, name)
    found = models.get(wanted) or by_repo_id.get(wanted)
    if found is None:
        near = get_close_matches(wanted, models, n=1)
        hint = f"did you mean {near[0]}?" if near else f"use one of: {', '.join(models)}"
        raise UsageError(f"the cache {manifest.name} {manifest.version} holds no model {name!r}", hint=hint)
    return found


def model_name(repo_id: str) -> str:
    """Return the name by which faster-whisper knows a repository, such as `distil-small.en`."""
    name = repo_id.partition("/")[2].removeprefix("faster-")
    if name.startswith("distil-whisper-"):
        return f"distil-{name.removeprefix('distil-whisper-')}"
    return name.removeprefix("whisper-").removesuffix("-ct2")


def _model(repo: RepoSnapshot) -> TranscriptionModel | None:
    files = {file.path: file for file in repo.files}
    vocabulary = next((name for name in _VOCABULARIES if name in files), None)
    if vocabulary is None or not all(name in files for name in _NEEDED):
        return None
    loaded = (*_NEEDED, vocabulary, *(name for name in _OPTIONAL if name in files))
    return TranscriptionModel(name=model_name(repo.repo_id), repo=repo, files={name: files[name] for name in loaded})
