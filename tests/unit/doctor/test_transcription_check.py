"""The doctor names the transcription models, and what they lack."""

import pytest
from support.caches import Site
from support.transcription import restored

from diarize_runner.doctor import transcription
from diarize_runner.doctor.transcription import check_transcription, require_model
from diarize_runner.errors import DeviceUnavailable, DiarizeRunnerError
from diarize_runner.transcription import cublas


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    return restored(tmp_path_factory.mktemp("doctor"))


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr(transcription, "find_spec", lambda _: object())


def test_it_names_the_models(box, installed):
    assert check_transcription(box, "cpu") == "models: tiny.en, small; they run on the CPU"


@pytest.mark.parametrize(("device", "has_gpu"), [("cpu", True), ("auto", False)])
def test_it_says_that_models_run_on_the_cpu(box, installed, monkeypatch, device, has_gpu):
    monkeypatch.setattr(transcription, "has_gpu", lambda: has_gpu)
    assert check_transcription(box, device).endswith("; they run on the CPU")


def test_it_says_that_models_run_on_the_gpu_if_its_libraries_load(box, installed, monkeypatch):
    loaded = []
    monkeypatch.setattr(transcription, "has_gpu", lambda: True)
    for name in ("load_driver", "load_cublas"):
        monkeypatch.setattr(transcription, name, lambda name=name: loaded.append(name))
    assert check_transcription(box, "auto").endswith("; they run on the GPU")
    assert loaded == ["load_driver", "load_cublas"]


@pytest.fixture
def box_without_models(tmp_path):
    site = Site(folder=tmp_path)
    site.publish()
    site.restore()
    return site.box.root


def test_a_cache_without_models_is_good(box_without_models):
    assert check_transcription(box_without_models, "cpu") == "the cache holds no transcription model"


def test_a_required_model_is_named(box):
    assert require_model(box) == "tiny.en is the default"


def test_a_required_model_that_is_missing_is_an_error_that_names_a_request(box_without_models):
    with pytest.raises(DiarizeRunnerError, match="the cache holds no transcription model") as raised:
        require_model(box_without_models)
    assert "cache_manifests/whisper-small.yaml" in raised.value.hint


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
