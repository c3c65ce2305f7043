"""Transcription models in caches: copied unchanged if they are what they seem, and built together with a pipeline."""

from pathlib import Path

import pytest
import yaml
from support.caches import PIPELINE, TINY, Site, write_lock, write_request
from support.transcription import HEADER, SMALL, TINY_EN, restored, whisper

from diarize_runner.cache.box.open import open_cache
from diarize_runner.cache.builder.combine import combine
from diarize_runner.cache.builder.resolve import resolve
from diarize_runner.cache.checkpoint.ctranslate2_model import is_ctranslate2_model
from diarize_runner.cache.documents import canonical
from diarize_runner.cache.documents.lock import CacheLock
from diarize_runner.cache.documents.request import read_request
from diarize_runner.errors import ManifestError, UnsafeCheckpoint, UsageError
from diarize_runner.progress import NoProgress

REQUESTS = sorted((Path(__file__).parents[3] / "cache_manifests").glob("whisper-*.yaml"))
PATTERNS = ("config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*")
"""download_model in faster_whisper/utils.py of 1.2.1."""


def request_of(folder, repos, **head):
    """Write a request of `repos`, and return its path."""
    folder.mkdir(exist_ok=True)
    written = write_request(folder, repos)
    document = {**yaml.safe_load(written.read_text()), **head}
    path = folder / f"{document['name']}.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in document.items() if value}, sort_keys=False))
    return path


def test_a_model_is_copied_unchanged(tmp_path):
    cache = open_cache(restored(tmp_path), NoProgress())
    (repo,) = [repo for repo in cache.manifest.repos if repo.repo_id == TINY_EN]
    files = {file.path: file for file in repo.files}
    assert cache.read(repo, files["model.bin"]) == whisper()["model.bin"]
    assert files["model.bin"].upstream is None


@pytest.mark.parametrize(
    "data", [b"", HEADER[:-1], HEADER.replace(b"Whisper", b"Wrapper"), b"\xff" + HEADER[1:], b"PK\3\4" + HEADER]
)
def test_a_model_without_the_header_is_a_checkpoint_and_no_data(data, tmp_path):
    request = write_request(tmp_path, {**TINY, TINY_EN: {**whisper(seed=1), "model.bin": data}})
    with pytest.raises(UnsafeCheckpoint):
        resolve(read_request(request), NoProgress())


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.ckpt"])
def test_only_model_bin_can_be_a_model_of_ctranslate2(name, tmp_path):
    path = tmp_path / "blob"
    path.write_bytes(HEADER)
    assert is_ctranslate2_model(path, "folder/model.bin")
    assert not is_ctranslate2_model(path, name)


def test_a_lock_without_a_pipeline_is_read_as_written(tmp_path):
    lock = write_lock(request_of(tmp_path, {SMALL: whisper(seed=1)}, name="whisper-small", pipeline=None))
    assert lock.pipeline is None
    assert b"pipeline" not in lock.to_bytes()
    assert CacheLock.from_node(canonical.parse(lock.to_bytes(), "lock")) == lock


@pytest.fixture
def locks(tmp_path):
    return [
        write_lock(request_of(tmp_path / "a", TINY, name="main")),
        write_lock(request_of(tmp_path / "b", {SMALL: whisper(seed=1)}, name="whisper-small", pipeline=None)),
        write_lock(request_of(tmp_path / "c", {TINY_EN: whisper(seed=2)}, name="whisper-tiny.en", pipeline=None)),
    ]


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (1, 0, 2)])
def test_models_are_added_before_the_repositories_of_the_pipeline(locks, order):
    combined = combine([locks[index] for index in order])
    assert (combined.name, combined.pipeline, combined.request) == ("main", PIPELINE, locks[0].request)
    assert [repo.repo_id for repo in combined.repos] == [SMALL, TINY_EN, *(repo.repo_id for repo in locks[0].repos)]


def test_one_lock_is_combined_to_itself(locks):
    assert combine(locks[:1]) == locks[0]


def test_requests_without_a_pipeline_are_bad_usage(locks):
    with pytest.raises(UsageError, match=r"whisper-small has no pipeline"):
        combine(locks[1:])


def test_two_pipelines_in_one_version_are_bad_usage(locks):
    with pytest.raises(UsageError, match="main and main each have a pipeline"):
        combine([locks[0], locks[0]])


def test_a_repository_in_two_requests_is_refused(locks):
    with pytest.raises(ManifestError, match="two paths are equal"):
        combine([locks[0], locks[1], locks[1]])


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
def test_the_requests_select_what_faster_whisper_downloads(path):
    request = read_request(path)
    (repo,) = request.repos
    assert (request.name, request.pipeline) == (path.stem, None)
    assert repo.content.allow_patterns == PATTERNS


def test_a_published_version_restores_with_its_models(tmp_path):
    site = Site(folder=tmp_path)
    site.publish(repos={**TINY, SMALL: whisper(seed=3)})
    site.restore()
    assert [repo.repo_id for repo in open_cache(site.box.root, NoProgress()).manifest.repos][-1] == SMALL
