"""With each bucket policy of docs/aws.md, its commands work, and those of the other policies are denied."""

import pytest
from support.bucket_policies import PolicyProxy
from support.buckets import QUICK, sign_in
from support.caches import NEW, OLD, Site, noise
from support.web import relay, responds_with_status, serving

from diarize_runner.cache.box.restore import VersionQuery, restore
from diarize_runner.cache.published.catalogue import list_versions, plan_prune, prune, rollback
from diarize_runner.cache.published.publish import publish
from diarize_runner.errors import StoreError
from diarize_runner.progress import NoProgress
from diarize_runner.store.s3.store import S3Store
from diarize_runner.store.s3.upload import PART

pytestmark = pytest.mark.usefixtures("isolated_environment")

BOX, PUBLISHER, PRUNE = (f"{name}-policy.json" for name in ("instance-profile", "publisher", "prune"))
PREFIX = "team/prod"


@pytest.fixture
def policies(moto_cloud, monkeypatch):
    proxy = PolicyProxy(relay(moto_cloud.url))
    with serving(proxy) as server:
        sign_in(monkeypatch, moto_cloud.behind(server.url))
        proxy.server = server
        yield proxy


@pytest.fixture
def bucket(moto_cloud):
    return moto_cloud.new_bucket()


@pytest.fixture
def store(bucket, policies):
    return S3Store.at(f"s3://{bucket}/{PREFIX}", QUICK)


@pytest.fixture
def site(tmp_path):
    site = Site(folder=tmp_path / "site")
    for version, repos in (("1.0", OLD), ("2.0", NEW), ("3.0", OLD)):
        site.build(version, repos)
    return site


def publish_all(site, store):
    for version in ("1.0", "2.0", "3.0"):
        publish(site.built(version), store, NoProgress())


@pytest.mark.long
def test_a_publisher_publishes_to_an_empty_store_lists_and_rolls_back(policies, site, store, bucket, source):
    policies.apply(PUBLISHER, bucket, PREFIX)

    publish_all(site, store)
    store.create("v4.0/large", source(noise(PART + 1)))

    assert [listed.manifest.version for listed in list_versions(store)] == ["3.0", "2.0", "1.0"]
    assert rollback(store, None).pointer.version == "2.0"
    with pytest.raises(StoreError, match="access was denied"):
        prune(store, plan_prune(store, 1))


def test_an_upload_that_fails_is_aborted(policies, store, bucket, source, moto_cloud):
    policies.apply(PUBLISHER, bucket, PREFIX)
    policies.server.fails(responds_with_status(400), times=9, when=lambda request: "partNumber=2" in request.path)

    with pytest.raises(StoreError):
        store.create("v4.0/large", source(noise(PART + 1)))

    assert moto_cloud.unfinished(bucket) == []


def test_a_box_restores_and_may_not_write(policies, site, store, bucket, source):
    publish_all(site, store)
    policies.apply(BOX, bucket, PREFIX)

    restored = restore(store, VersionQuery(version="latest"), site.box, NoProgress())

    assert restored.cache.manifest.version == "3.0"
    with pytest.raises(StoreError, match="access was denied"):
        store.swap("latest/manifest.json", b"x", expected=None)


def test_prune_deletes_versions_and_nothing_outside_the_prefix(policies, site, store, bucket, source, moto_cloud):
    publish_all(site, store)
    S3Store.at(f"s3://{bucket}/team/other", QUICK).create("v1.0/manifest.json", source(b"theirs"))
    policies.apply(PRUNE, bucket, PREFIX)

    assert prune(store, plan_prune(store, 1)).remove == ("1.0",)
    with pytest.raises(StoreError, match="access was denied"):
        S3Store.at(f"s3://{bucket}/team/other", QUICK).delete("v1.0/manifest.json")
    assert not any(key.startswith(f"{PREFIX}/v1.0/") for key in moto_cloud.keys(bucket))
