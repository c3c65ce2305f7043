"""The alignment models of a cache, and the data of NLTK that whisperX needs.

A repository is an alignment model if its root holds the files of a Wav2Vec2 model with an alphabet, so neither the lock
nor the manifest needs a key for it: docs/adr/0024. Its repo_id says which language it knows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from diarize_runner.cache.documents.manifest import CacheManifest
from diarize_runner.cache.documents.snapshot import FileEntry, RepoSnapshot
from diarize_runner.errors import UsageError

_NEEDED: Final = ("config.json", "preprocessor_config.json", "vocab.json")
_OPTIONAL: Final = ("added_tokens.json", "special_tokens_map.json", "tokenizer_config.json")
_WEIGHTS: Final = ("model.safetensors", "pytorch_model.bin")
"""The first one that is there is loaded."""
_SENTENCES: Final = "tokenizers/punkt_tab.zip"

MODELS: Final[Mapping[str, str]] = {
    "ar": "jonatasgrosman/wav2vec2-large-xlsr-53-arabic",
    "de": "jonatasgrosman/wav2vec2-large-xlsr-53-german",
    "el": "jonatasgrosman/wav2vec2-large-xlsr-53-greek",
    "en": "facebook/wav2vec2-base-960h",
    "es": "jonatasgrosman/wav2vec2-large-xlsr-53-spanish",
    "fa": "jonatasgrosman/wav2vec2-large-xlsr-53-persian",
    "fi": "jonatasgrosman/wav2vec2-large-xlsr-53-finnish",
    "fr": "jonatasgrosman/wav2vec2-large-xlsr-53-french",
    "hu": "jonatasgrosman/wav2vec2-large-xlsr-53-hungarian",
    "it": "jonatasgrosman/wav2vec2-large-xlsr-53-italian",
    "ja": "jonatasgrosman/wav2vec2-large-xlsr-53-japanese",
    "nl": "jonatasgrosman/wav2vec2-large-xlsr-53-dutch",
    "pl": "jonatasgrosman/wav2vec2-large-xlsr-53-polish",
    "pt": "jonatasgrosman/wav2vec2-large-xlsr-53-portuguese",
    "ru": "jonatasgrosman/wav2vec2-large-xlsr-53-russian",
    "zh": "jonatasgrosman/wav2vec2-large-xlsr-53-chinese-zh-cn",
}
"""By language. whisperX's own defaults for de, en, es, fr and it are checkpoints of no repository."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlignmentModel:
    """A model of a cache, and what whisperX needs beside it."""

    language: str
    repo: RepoSnapshot
    files: Mapping[str, FileEntry]
    """The files to load, by name."""
    sentences_repo: RepoSnapshot
    sentences: FileEntry
    """NLTK's `punkt_tab.zip`."""


def require_alignment(manifest: CacheManifest, language: str | None) -> None:
    """Raise UsageError if the cache has no alignment model for a language, or, for None, none at all."""
    models = [repo for repo in manifest.repos if _files(repo)]
    if language is not None or not models:
        select_alignment_model(manifest, language or "en")
    _find_sentences(manifest)


def select_alignment_model(manifest: CacheManifest, language: str) -> AlignmentModel:
    """Return the model for a language.

    Raises:
        UsageError: there is no model for it, or the cache holds none, or no data of NLTK.
    """
    repo_id = MODELS.get(language)
    if repo_id is None:
        hint = f"leave out --align; it knows these languages: {', '.join(MODELS)}"
        raise UsageError(f"there is no alignment model for the language {language}", hint=hint)
    found = {repo.repo_id: (repo, files) for repo in manifest.repos if (files := _files(repo))}
    if repo_id not in found:
        hint = f"add {_request(language, repo_id)} to the cache, and publish a new version"
        message = f"the cache {manifest.name} {manifest.version} has no alignment model for the language {language}"
        raise UsageError(message, hint=hint)
    (repo, files), (sentences_repo, sentences) = found[repo_id], _find_sentences(manifest)
    return AlignmentModel(language=language, repo=repo, files=files, sentences_repo=sentences_repo, sentences=sentences)


def _request(language: str, repo_id: str) -> str:
    return "cache_manifests/align-en.yaml" if language == "en" else f"a request of {repo_id}, like align-en.yaml,"


def _find_sentences(manifest: CacheManifest) -> tuple[RepoSnapshot, FileEntry]:
    for repo in manifest.repos:
        for file in repo.files:
            if file.path == _SENTENCES:
                return repo, file
    hint = "add cache_manifests/nltk-punkt.yaml to the cache, and publish a new version"
    raise UsageError(f"the cache {manifest.name} {manifest.version} lacks the data of NLTK to align with", hint=hint)


def _files(repo: RepoSnapshot) -> Mapping[str, FileEntry]:
    """Return the files to load; none if it is no alignment model."""
    files = {file.path: file for file in repo.files}
    weights = next((name for name in _WEIGHTS if name in files), None)
    if weights is None or not all(name in files for name in _NEEDED):
        return {}
    return {name: files[name] for name in (*_NEEDED, *_OPTIONAL, weights) if name in files}
