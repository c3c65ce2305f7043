"""A batch in folders, and one in a bucket."""

import pytest
from support.batches import Batch, plan_for
from support.buckets import hide_cloud_account, loading_boto_once, moto, sign_in
from support.caches import Site
from support.children import decoding_once

from diarize_runner.cache.box.folder import read_manifest


@pytest.fixture(scope="module", autouse=True)
def _decode_once():
    with decoding_once():
        yield


@pytest.fixture(autouse=True)
def _own_cache_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache-home"))


@pytest.fixture(scope="session")
def tiny_manifest(tmp_path_factory):
    site = Site(folder=tmp_path_factory.mktemp("tiny"))
    site.publish()
    return read_manifest(site.restore().cache.root)


@pytest.fixture
def local_batch(tmp_path, tiny_manifest):
    (tmp_path / "in").mkdir()
    plan = plan_for((tmp_path / "in").as_uri(), (tmp_path / "out").as_uri(), tiny_manifest)
    return Batch(plan=plan, manifest=tiny_manifest, folder=tmp_path)


@pytest.fixture(scope="session")
def moto_server():
    with loading_boto_once(), moto() as cloud:
        yield cloud


@pytest.fixture
def bucket_batch(tmp_path, tiny_manifest, moto_server, monkeypatch):
    hide_cloud_account(monkeypatch, tmp_path)
    sign_in(monkeypatch, moto_server)
    bucket = moto_server.new_bucket()
    plan = plan_for(f"s3://{bucket}/in", f"s3://{bucket}/out", tiny_manifest)
    return Batch(plan=plan, manifest=tiny_manifest, folder=tmp_path)


@pytest.fixture(params=["local_batch", "bucket_batch"])
def batch(request):
    return request.getfixturevalue(request.param)
