"""Whether a cache and a box can align is known before a recording is transcribed."""

import pytest
from support.alignment import ENGLISH, GERMAN, JAPANESE, PUNKT, verified_with, wav2vec2
from support.command import ROOT
from support.fake_aligner import write_interpreter

from diarize_runner.alignment.environment import VARIABLE, VERSION, find_interpreter
from diarize_runner.alignment.models import MODELS, require_alignment, select_alignment_model
from diarize_runner.cache.documents.lock import lock_path, read_lock
from diarize_runner.cache.documents.request import read_request
from diarize_runner.errors import UsageError
from diarize_runner.jobs.transcribing import open_transcriber
from diarize_runner.transcription.languages import LANGUAGES
from diarize_runner.transcription.options import TranscriptionOptions

REQUESTS = ROOT / "cache_manifests"


def test_a_model_is_known_by_its_language_and_its_files(cache):
    model = select_alignment_model(cache.manifest, "en")
    assert model.repo.repo_id == ENGLISH
    assert list(model.files) == ["config.json", "preprocessor_config.json", "vocab.json", "model.safetensors"]
    assert model.sentences.path == "tokenizers/punkt_tab.zip"
    assert select_alignment_model(cache.manifest, "ja").repo.repo_id == JAPANESE


def test_the_request_for_english_names_every_file_that_a_model_needs():
    (repo,) = read_request(REQUESTS / "align-en.yaml").repos
    assert repo.repo_id == MODELS["en"]
    assert {"config.json", "preprocessor_config.json", "vocab.json", "model.safetensors"} < {
        *repo.content.allow_patterns
    }


def test_the_request_for_the_data_of_nltk_is_locked():
    request = REQUESTS / "nltk-punkt.yaml"
    (repo,) = read_lock(read_request(request), lock_path(request)).repos
    assert "tokenizers/punkt_tab.zip" in [file.path for file in repo.files]


def test_the_languages_are_those_of_whisper():
    assert set(MODELS) < set(LANGUAGES)
    assert len(set(MODELS.values())) == len(MODELS)


@pytest.mark.parametrize(
    ("aligners", "language", "message", "hint"),
    [
        ({}, None, "no alignment model for the language en", "cache_manifests/align-en.yaml"),
        ({ENGLISH: wav2vec2(), **PUNKT}, "de", "no alignment model for the language de", GERMAN),
        ({ENGLISH: wav2vec2(), **PUNKT}, "cy", "there is no alignment model for the language cy", "leave out --align"),
        ({ENGLISH: wav2vec2()}, "en", "lacks the data of NLTK", "cache_manifests/nltk-punkt.yaml"),
        ({ENGLISH: wav2vec2()}, None, "lacks the data of NLTK", "cache_manifests/nltk-punkt.yaml"),
        ({ENGLISH: {"config.json": b"{}\n"}}, "en", "no alignment model for the language en", "align-en.yaml"),
    ],
    ids=["no model", "not this language", "no language like that", "no data", "no data, any language", "no weights"],
)
def test_a_cache_that_cannot_align_is_refused_with_the_request_to_add(tmp_path, aligners, language, message, hint):
    with pytest.raises(UsageError, match=message) as raised:
        require_alignment(verified_with(tmp_path, aligners).manifest, language)
    assert raised.value.exit_code == 2
    assert hint in raised.value.hint


def test_a_language_that_is_detected_later_is_no_reason_to_refuse(cache):
    require_alignment(cache.manifest, None)


def test_a_model_that_knows_only_english_needs_the_model_for_english(tmp_path, python):
    cache = verified_with(tmp_path / "cache", {GERMAN: wav2vec2(), **PUNKT})
    with pytest.raises(UsageError, match="no alignment model for the language en"):
        open_transcriber(cache, TranscriptionOptions(model="tiny.en", align=True))


@pytest.mark.parametrize(
    ("version", "message"),
    [("3.4.2", f"has whisperX 3.4.2, but alignment needs {VERSION}"), ("", "has no whisperX")],
)
def test_an_environment_of_another_whisperx_is_refused(tmp_path, monkeypatch, version, message):
    monkeypatch.setenv(VARIABLE, str(write_interpreter(tmp_path / "python", version)))
    with pytest.raises(UsageError, match=message) as raised:
        find_interpreter()
    assert "scripts/install-alignment.sh" in raised.value.hint


def test_without_an_environment_alignment_is_refused(cache, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(UsageError, match="alignment needs an environment with whisperX") as raised:
        open_transcriber(cache, TranscriptionOptions(align=True))
    assert (raised.value.exit_code, VARIABLE in raised.value.hint) == (2, True)


def test_an_interpreter_that_is_not_there_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "python"))
    with pytest.raises(UsageError, match=r"cannot be run: .*No such file"):
        find_interpreter()


@pytest.mark.parametrize(
    ("options", "message"),
    [({"words": False}, "needs the times of words"), ({"task": "translate"}, "translation cannot be aligned")],
)
def test_alignment_needs_the_words_that_were_said(options, message):
    with pytest.raises(UsageError, match=message):
        TranscriptionOptions(align=True, **options).require_possible()
