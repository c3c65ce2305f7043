"""The doctor names the transcription models, and what they lack."""

import pytest
from support.caches import Site
from support.transcription import restored

from diarize_runner.doctor import transcription
from diarize_runner.doctor.transcription import check_transcription
from diarize_runner.errors import DeviceUnavailable, DiarizeRunnerError
from diarize_runner.transcription import cublas


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    return restored(tmp_path_factory.mktemp("doctor"))


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr(transcription, "find_spec", lambda _: object())


def test_it_names_the_models(box, installed):
    assert check_transcription(box, "cpu") == "models: tiny.en, small"


def test_a_cache_without_models_is_good(tmp_path):
    site = Site(folder=tmp_path)
    site.publish()
    site.restore()
    assert check_transcription(site.box.root, "cpu") == "the cache holds no transcription model"


def test_a_missing_package_is_an_error_with_a_hint(box, monkeypatch):
    monkeypatch.setattr(transcription, "find_spec", lambda _: None)
    with pytest.raises(DiarizeRunnerError, match="faster-whisper is not installed") as raised:
        check_transcription(box, "cpu")
    assert "provision.yml" in raised.value.hint


def test_on_a_gpu_a_missing_cublas_is_named(box, installed, monkeypatch):
    monkeypatch.setattr(transcription, "has_gpu", lambda: True)
    monkeypatch.setattr(cublas, "_LIBRARIES", ("libcublas.so.0",))
    with pytest.raises(DeviceUnavailable, match="libcublas") as raised:
        check_transcription(box, "auto")
    assert "nvidia-cublas-cu12" in raised.value.hint
