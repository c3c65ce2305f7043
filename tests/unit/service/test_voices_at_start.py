"""The file of voices with which a server starts: who may read it, and which model made the voices."""

import os
from unittest import mock

import pytest
import yaml
from support.caches import PIPELINE, Site
from support.children import rewriting_once
from support.voices import voice_of

from diarize_runner.cache.box.resolved_config import MODEL
from diarize_runner.cache.checkpoint.clean import PlainValues
from diarize_runner.digests import hash_bytes
from diarize_runner.errors import ManifestError, UsageError, VoiceError
from diarize_runner.service.voices import load_voices, require_usable
from diarize_runner.voices.file import add_voice, delete_voice

CHECKPOINT = PlainValues(values={"embedding": 1}).to_bytes()
EMBEDDING_MODEL, OTHER = hash_bytes(CHECKPOINT).digest, hash_bytes(b"another").digest
ADA = voice_of("ada", "Ada")


@pytest.fixture(scope="module")
def cache_of(tmp_path_factory):
    """Return a function that makes a cache whose pipeline has parameters."""

    def restore(**params):
        config = yaml.safe_dump({"pipeline": {"name": "pyannote.audio.pipelines.SpeakerDiarization", "params": params}})
        site = Site(folder=tmp_path_factory.mktemp("site"))
        site.publish(repos={PIPELINE: {"config.yaml": config.encode(), f"embedding/{MODEL}": CHECKPOINT}})
        return site.restore().cache

    with rewriting_once():
        yield restore


@pytest.fixture(scope="module")
def cache(cache_of):
    return cache_of(embedding="$model/embedding")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "voices.json"


@pytest.fixture
def voices(path):
    add_voice(path, ADA, EMBEDDING_MODEL)
    return path


def test_voices_that_the_model_of_the_cache_made_are_usable(voices, cache):
    require_usable(voices, cache)


def test_a_file_without_voices_is_usable_since_voices_can_be_enrolled_later(voices, cache):
    delete_voice(voices, "Ada")
    require_usable(voices, cache)


def test_voices_of_another_model_are_refused(path, cache):
    add_voice(path, ADA, OTHER)
    with pytest.raises(VoiceError, match="another embedding model") as refused:
        require_usable(path, cache)
    assert "voices enroll" in refused.value.hint


def test_a_model_that_only_the_class_of_the_pipeline_names_is_compared_by_the_first_job(path, cache_of):
    add_voice(path, ADA, OTHER)
    require_usable(path, cache_of(clustering="VBxClustering"))


def test_a_missing_file_is_refused_with_what_makes_one(path, cache):
    with pytest.raises(UsageError, match="No such file") as refused:
        require_usable(path, cache)
    assert "voices enroll" in refused.value.hint


@pytest.mark.parametrize("content", [b"", b"{", b"{}"])
def test_a_damaged_file_is_refused_without_its_content(path, cache, content):
    path.touch(0o600)
    path.write_bytes(content)
    with pytest.raises(ManifestError) as refused:
        require_usable(path, cache)
    assert refused.value.hint


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o602])
def test_a_file_that_other_users_can_use_is_refused(voices, mode):
    voices.chmod(mode)
    with pytest.raises(UsageError, match="other users can use") as refused:
        load_voices(voices)
    assert refused.value.hint == f"run: chmod 600 {voices}"


def test_a_huge_file_is_refused(voices, monkeypatch):
    monkeypatch.setattr("diarize_runner.service.guarded_file.MAX_FILE_BYTES", 100)
    with pytest.raises(UsageError, match="is larger than") as refused:
        load_voices(voices)
    assert refused.value.hint == "name a file of voices"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: to give files away")
class TestOwners:
    @pytest.mark.parametrize("mode", [0o440, 0o640])
    def test_the_group_may_read_a_file_of_root_as_kubernetes_mounts_a_secret(self, voices, mode):
        voices.chmod(mode)
        with mock.patch("os.geteuid", return_value=1000):
            assert [voice.name for voice in load_voices(voices).content.voices] == ["Ada"]

    def test_the_group_may_not_change_it(self, voices):
        voices.chmod(0o660)
        with mock.patch("os.geteuid", return_value=1000), pytest.raises(UsageError, match="other users can use"):
            load_voices(voices)

    def test_another_user_may_not_own_it(self, voices):
        os.chown(voices, 1234, -1)
        with pytest.raises(UsageError, match="user 1234, who could add a voice"):
            load_voices(voices)
