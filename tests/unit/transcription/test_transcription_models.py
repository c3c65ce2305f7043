"""The transcription models of a cache are found by their files, and by the names that faster-whisper gives them."""

import json

import pytest
from support.transcription import MODELS, MULTILINGUAL, SMALL, TINY_EN, verified, whisper

from diarize_runner.errors import UsageError
from diarize_runner.transcription.models import find_models, model_name, select_model
from diarize_runner.transcription.options import TranscriptionOptions
from diarize_runner.transcription.transcriber import Transcriber


def test_models_are_found_in_the_order_of_the_manifest(cache):
    assert [(model.name, model.repo.repo_id) for model in find_models(cache.manifest)] == [
        ("tiny.en", TINY_EN),
        ("small", SMALL),
    ]


@pytest.mark.parametrize(("name", "repo_id"), [(None, TINY_EN), ("tiny.en", TINY_EN), ("small", SMALL), (SMALL, SMALL)])
def test_a_model_is_selected_by_name_and_repo_id_and_the_first_one_by_default(cache, name, repo_id):
    assert select_model(cache.manifest, name).repo.repo_id == repo_id


def test_a_model_that_the_cache_lacks_is_bad_usage(cache):
    with pytest.raises(UsageError, match="holds no model 'smal'") as raised:
        select_model(cache.manifest, "smal")
    assert raised.value.hint == "did you mean small?"
    with pytest.raises(UsageError) as raised:
        select_model(cache.manifest, "large")
    assert raised.value.hint == "use one of: tiny.en, small"


def test_a_cache_without_models_is_bad_usage(tmp_path):
    with pytest.raises(UsageError, match="holds no transcription model") as raised:
        select_model(verified(tmp_path, {}).manifest, None)
    assert "whisper-small.yaml" in raised.value.hint


def test_a_repository_that_lacks_a_file_is_no_model(tmp_path):
    incomplete = {name: data for name, data in whisper().items() if name != "tokenizer.json"}
    assert find_models(verified(tmp_path, {TINY_EN: incomplete}).manifest) == ()


@pytest.mark.parametrize(
    ("repo_id", "name"),
    [
        ("Systran/faster-whisper-tiny.en", "tiny.en"),
        ("Systran/faster-whisper-large-v3", "large-v3"),
        ("Systran/faster-distil-whisper-small.en", "distil-small.en"),
        ("mobiuslabsgmbh/faster-whisper-large-v3-turbo", "large-v3-turbo"),
        ("distil-whisper/distil-large-v3.5-ct2", "distil-large-v3.5"),
    ],
)
def test_a_model_has_the_name_that_faster_whisper_gives_it(repo_id, name):
    assert model_name(repo_id) == name


def test_the_vocabulary_tells_whether_a_model_is_multilingual(cache, tmp_path):
    english, small = find_models(cache.manifest)
    assert (english.is_multilingual(cache), small.is_multilingual(cache)) == (False, True)
    listed = {**whisper(), "vocabulary.json": json.dumps(MULTILINGUAL).encode()}
    del listed["vocabulary.txt"]
    other = verified(tmp_path, {SMALL: listed})
    assert find_models(other.manifest)[0].is_multilingual(other)


def test_a_large_vocabulary_makes_no_english_model_multilingual(tmp_path):
    cache = verified(tmp_path, {TINY_EN: whisper([f"added{number}" for number in range(60_000)])})
    assert not find_models(cache.manifest)[0].is_multilingual(cache)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"language": "German"}, "tiny.en knows only English"),
        ({"task": "translate"}, "tiny.en cannot translate: it knows only English"),
        ({"device": "cpu", "compute_type": "float16"}, "float16 needs a GPU"),
    ],
)
def test_what_a_model_cannot_do_is_bad_usage_before_any_process_starts(cache, options, message):
    with pytest.raises(UsageError, match=message) as raised:
        Transcriber(cache, TranscriptionOptions(**options))
    assert raised.value.exit_code == 2
    assert raised.value.hint


@pytest.mark.parametrize("options", [{"language": "English"}, {"model": "small", "language": "de"}, {}])
def test_what_a_model_can_do_is_accepted(cache, options):
    Transcriber(cache, TranscriptionOptions(**options))


def test_the_models_of_a_cache_are_verified_like_any_other_file(cache):
    assert {repo.repo_id for repo in cache.manifest.repos} > MODELS.keys()
